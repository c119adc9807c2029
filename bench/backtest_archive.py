"""Compares the speed of ``rootwatch backtest`` on gzip archives with isal alone, in as many processes, in one run.

Makes an archive as CloudTrail writes it (about 200 records per file, a match in one of twelve files). Then reads it
three times, each time in a new program and from its start to its end:

* with ``igzip.decompress`` and nothing else;
* the same, with the C library set to keep freed memory. By default it returns the memory of every file to the kernel,
  which takes longer than a third of the decompression;
* with the command.

The archive is removed at the end.

With ``--root`` the archive also has records of root, and it is read by the command once more, with ``--sessions``.

    python bench/backtest_archive.py [--records 1000000] [--processes 2] [--root 0 1 9]
"""

# ruff: noqa: T201  a script that prints

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECORDS_A_FILE = 200
MATCH_EVERY = 12
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}


def record(chance: random.Random, *, match: bool) -> dict[str, object]:
    """A record of about 1.4 kB, about as varied as CloudTrail's."""
    role, session = chance.randrange(50), f"{chance.getrandbits(64):016x}"
    name = "AssumeRoot" if match else chance.choice(["DescribeInstances", "GetObject", "AssumeRole", "Decrypt"])
    parameters: dict[str, object] = (
        {"targetPrincipal": f"{chance.randrange(10**12):012d}"}
        if match
        else {"instancesSet": {"items": [{"instanceId": f"i-{chance.getrandbits(64):016x}"} for _ in range(5)]}}
    )
    return {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROA{role:016d}:{session}",
            "arn": f"arn:aws:sts::123456789012:assumed-role/Role{role}/{session}",
            "accountId": "123456789012",
            "accessKeyId": f"ASIA{chance.getrandbits(64):016X}",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROA{role:016d}",
                    "arn": f"arn:aws:iam::123456789012:role/Role{role}",
                    "accountId": "123456789012",
                    "userName": f"Role{role}",
                },
                "attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"2026-01-{chance.randint(1, 28):02d}T{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:00Z",
        "eventSource": "sts.amazonaws.com" if match else "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}",
        "userAgent": "aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64",
        "requestParameters": parameters,
        "responseElements": None,
        "requestID": f"{chance.getrandbits(128):032x}",
        "eventID": f"{chance.getrandbits(128):032x}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }


def of_root(of: dict[str, object], chance: random.Random) -> dict[str, object]:
    """The same record, as a call of root with temporary credentials."""
    identity = {
        "type": "Root",
        "principalId": "123456789012",
        "arn": "arn:aws:iam::123456789012:root",
        "accountId": "123456789012",
        "accessKeyId": f"ASIA{chance.getrandbits(64):016X}",
        "sessionContext": {"attributes": {"creationDate": of["eventTime"], "mfaAuthenticated": "false"}},
    }
    return {**of, "userIdentity": identity}


def make_archive(folder: Path, records: int, root: float) -> tuple[int, int]:
    """Write the archive with this share of root's records; return its bytes, stored and decompressed.

    There are 120 different files, written repeatedly.
    """
    chance = random.Random(1)  # noqa: S311  no secret
    made: list[bytes] = []
    raw = stored = 0
    for number in range(-(-records // RECORDS_A_FILE)):
        if number < MATCH_EVERY * 10:
            match_at = RECORDS_A_FILE // 2 if number % MATCH_EVERY == 0 else -1
            held = [record(chance, match=place == match_at) for place in range(RECORDS_A_FILE)]
            if root:
                held = [
                    of_root(one, chance) if place != match_at and chance.random() < root else one
                    for place, one in enumerate(held)
                ]
            text = json.dumps({"Records": held}, separators=(",", ":")).encode()
            made.append(gzip.compress(text, 6))
        value = made[number % len(made)]
        raw += int.from_bytes(value[-4:], "little")
        stored += len(value)
        path = folder / f"AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/{number % 28 + 1:02d}/{number}.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value)
    return stored, raw


def seconds(command: list[str], **environment: str) -> tuple[float, str]:
    """Run a program; return its time from start to end, and its output."""
    took, _, out = measured(command, **environment)
    return took, out


def measured(command: list[str], **environment: str) -> tuple[float, float, str]:
    """Run a program; return its time from start to end, the time of its processors, and its output."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603  this project's own
        command,
        check=True,
        # As it is installed: what has been compiled once need not be compiled at every start.
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def compare_sessions(records: int, shares: list[float], processes: str, rounds: int) -> None:
    """Print how much longer the command takes with ``--sessions``, for each share of root's records in per cent."""
    rootwatch = str(Path(sys.executable).with_name("rootwatch"))
    for share in shares:
        with tempfile.TemporaryDirectory() as name:
            _, raw = make_archive(Path(name), records, share / 100)
            plain = [rootwatch, "backtest", name, "--processes", processes, "--output", "/dev/null"]
            seconds(plain)  # the first reader reads from the disk
            alone, following = [], []
            for _ in range(rounds):
                alone.append(measured(plain)[:2])
                following.append(measured([*plain, "--sessions", "/dev/null"])[:2])
            wall, cpu = (
                min(run[number] for run in following) / min(run[number] for run in alone) for number in range(2)
            )
            print(
                f"{share:g} % of root: {raw / min(alone)[0] / 1e6:,.0f} MB/s; "
                f"with --sessions {wall:.2f} times the time, "
                f"{cpu:.2f} times the processor time"
            )


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--root", type=float, nargs="+", default=[], metavar="PERCENT")
    options = arguments.parse_args()
    if options.root:
        compare_sessions(options.records, options.root, str(options.processes), options.rounds)
        return
    with tempfile.TemporaryDirectory() as name:
        stored, raw = make_archive(Path(name), options.records, 0)
        print(f"{options.records:,} records, {raw / 1e6:,.0f} MB in {stored / 1e6:,.0f} MB of gzip")
        processes = str(options.processes)
        isal = [sys.executable, str(Path(__file__).with_name("peers") / "isal_alone.py"), name, processes]
        rootwatch = str(Path(sys.executable).with_name("rootwatch"))
        backtest = [rootwatch, "backtest", name, "--processes", processes, "--output", "/dev/null"]
        seconds(isal)  # the first reader reads from the disk
        seconds(backtest)  # and compiles what is not
        for _ in range(options.rounds):
            plain, printed = seconds(isal)
            assert int(printed) == raw  # noqa: S101  a benchmark that reads less means nothing
            tuned, tuned_cpu, _ = measured(isal, **KEEP_MEMORY)
            took, cpu, _ = measured(backtest)
            print(
                f"isal {raw / plain / 1e6:,.0f} MB/s  with memory kept {raw / tuned / 1e6:,.0f} MB/s  "
                f"backtest {raw / took / 1e6:,.0f} MB/s ({plain / took:.2f} and {tuned / took:.2f} times these), "
                f"by processor time {tuned_cpu / cpu:.2f} times the second"
            )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest process {peak:,.0f} MB")


if __name__ == "__main__":
    main()
