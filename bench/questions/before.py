"""Compares the shipped rule alone with an earlier version of this program, by processor time, in one run.

    git worktree add --detach ../before COMMIT && make -C ../before setup
    python -m bench.questions.before --before ../before [--runs 7]

Both versions do the same work in turn, each time in a new process with the interpreter of their checkout:

* ``live``: the fetch filter over buffers of single records, one in 100 of them a match, and ``sight`` of what passes;
* ``files``: the filter over files of 50 records in gzip, one file in 12 with a match, and ``sight`` of what passes;
* ``sight``: ``sight`` of single records that match, without the filter;
* ``decide``: decisions of a replay's memory; 50 principals, 20 accounts each, with cap and known pairs;
* ``backtest``: the command on an archive of gzip files.

It prints processor microseconds per record, or seconds of the command: the median of each, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import backtest_archive

WORK = """
import gzip, json, sys, time
sys.path.insert(0, "tests")
from cloudtrail_messages import RECORD
from sightings import MINUTE, NOON, History, sighting
from streams import pipeline
from streams.settings import Settings

settings = Settings()
rules = settings.load_rules() if hasattr(settings, "load_rules") else settings.load_rule()
extract = settings.extract_settings()
padding = "x" * 700

def record(number, match):
    if match:
        return {**RECORD, "eventID": f"e-{number}", "userAgent": padding}
    return {**RECORD, "eventID": f"e-{number}", "userAgent": padding, "eventName": "AssumeRole",
            "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/Reader", "number": number}}

find = pipeline.compile_finder(rules, extract)
select = pipeline.compile_selector(rules, extract)

def timed(work, count):
    work()
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / count / 1000

singles = [json.dumps(record(n, n % 100 == 50)).encode() for n in range(20000)]
buffers = [singles[at : at + 500] for at in range(0, len(singles), 500)]

def live():
    seen = 0
    for held in buffers:
        joined = b"".join(held)
        marks, at, place = find(joined, 0, len(joined)), 0, 0
        for value in held:
            end = at + len(value)
            if place < len(marks) and marks[place] < end:
                while place < len(marks) and marks[place] < end:
                    place += 1
                chosen = select(value)
                if chosen is not None:
                    seen += len(pipeline.sight(chosen, rules, extract).sightings)
            at = end
    assert seen == 200, seen

def packed_file(n):
    held = [record(50 * n + k, n % 12 == 0 and k == 25) for k in range(50)]
    return gzip.compress(json.dumps({"Records": held}).encode())

packed = [packed_file(n) for n in range(240)]

def files():
    seen = 0
    for value in packed:
        chosen = select(value)
        if chosen is not None:
            seen += len(pipeline.sight(chosen, rules, extract).sightings)
    assert seen == 20, seen

matches = [json.dumps(record(n, True)).encode() for n in range(3000)]

def sight():
    for value in matches:
        pipeline.sight(value, rules, extract)

users = [f"arn:aws:iam::111111111111:user/{n}" for n in range(50)]
seen = [sighting(NOON + MINUTE * n, users[n % 50], f"{n // 50 % 20:012d}") for n in range(10000)]

def decide():
    history = History()
    for one in seen:
        history.take(one)

print(json.dumps({
    "live": timed(live, len(singles)),
    "files": timed(files, 50 * len(packed)),
    "sight": timed(sight, len(matches)),
    "decide": timed(decide, len(seen)),
}))
"""
UNITS = {"backtest": "s"}


def work(checkout: Path) -> dict[str, float]:
    """Do the work in a new process of this checkout; return the processor microseconds per record."""
    command = [str(checkout / ".venv/bin/python"), "-c", WORK]
    done = subprocess.run(  # noqa: S603  a checkout of this program
        command, cwd=checkout, check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def backtest(checkout: Path, archive: str) -> float:
    """Return the processor seconds of the command on the archive, its processes included."""
    rootwatch = str(checkout / ".venv/bin/rootwatch")
    return backtest_archive.measured([rootwatch, "backtest", archive, "--output", "/dev/null"])[1]


def main() -> None:
    """Measure both in turn, and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--before", type=Path, required=True, help="a checkout of the earlier version, with .venv")
    arguments.add_argument("--records", type=int, default=300_000, help="records of the archive")
    arguments.add_argument("--runs", type=int, default=7)
    options = arguments.parse_args()
    checkouts = (options.before.resolve(), Path(__file__).resolve().parents[2])
    spent: list[dict[str, list[float]]] = [{}, {}]
    with tempfile.TemporaryDirectory() as archive:
        backtest_archive.make_archive(Path(archive), options.records, 0)
        for run in range(options.runs):
            for number in (0, 1) if run % 2 else (1, 0):
                measured = {**work(checkouts[number]), "backtest": backtest(checkouts[number], archive)}
                for what, value in measured.items():
                    spent[number].setdefault(what, []).append(value)
    sys.stdout.write(f"medians of {options.runs} runs, load {os.getloadavg()[0]:.1f}\n")
    for what in spent[0]:
        before, now = (median(each[what]) for each in spent)
        pairs = sorted(after / former for former, after in zip(spent[0][what], spent[1][what], strict=True))
        unit = UNITS.get(what, "µs")
        sys.stdout.write(
            f"  {what:<9} before {before:8.2f} {unit:<2}  now {now:8.2f} {unit:<2}  ratio {now / before:.3f}"
            f"  (of a run {pairs[0]:.3f} to {pairs[-1]:.3f})\n"
        )


if __name__ == "__main__":
    main()
