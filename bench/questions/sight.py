"""Compares what a record that a rule takes costs, until its sighting is made, with ``orjson.loads`` of the same bytes.

    python -m bench.questions.sight [--records 2000] [--runs 9]

In one process, without a broker. Both take turns over the same messages, and processor time is measured. A ratio is the
median of the runs. Records have 1.9 to 2.3 kB. Of those that the rules take, 19 of 20 are of tuples that were sent, but
for the shipped rule: there each is new.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson
from cloudtrail_messages import ecs, eventbridge
from isal import igzip
from worker_process import assume_root

from bench.load.rules import KNOWN_IN, event, write
from streams import pipeline
from streams.extraction.sighting import Origin
from streams.rules.rule_set import RuleSet
from streams.settings.rule_entries import read_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SETTINGS = pipeline.ExtractSettings()
SHIPPED_ONLY = "shipped:aws-sts-assume-root-rare-pair"
FILE = 50
RULES = 40
NOON = 1_772_359_200_000
"""The Kafka timestamp of each message, in milliseconds since the epoch: that of the records' event time."""


def records(count: int, taken: int, *, is_root: bool) -> list[dict[str, Any]]:
    """Records, so many per cent of which are taken."""
    chance = random.Random(1)  # noqa: S311  no secret
    return [_record(chance, number, is_root=is_root, is_taken=chance.random() * 100 < taken) for number in range(count)]


def _record(chance: random.Random, number: int, *, is_root: bool, is_taken: bool) -> dict[str, Any]:
    user = f"user-{number if is_root or chance.randrange(KNOWN_IN) == 0 else number % 50}"
    role = f"arn:aws:iam::111111111111:role/{user}"
    arn = f"arn:aws:sts::111111111111:assumed-role/{user}/session"
    record = assume_root(arn, f"{number:012d}", event_id=str(uuid.UUID(int=chance.getrandbits(128))))
    identity = record["userIdentity"] = {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEEXAMPLE123:{user}",
        "arn": arn,
        "accountId": "111111111111",
        "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEEXAMPLE123",
                "arn": role,
                "accountId": "111111111111",
                "userName": user,
            },
            "attributes": {"creationDate": "2026-03-01T09:30:00Z", "mfaAuthenticated": "false"},
        },
    }
    record |= {
        "requestID": str(uuid.UUID(int=chance.getrandbits(128))),
        "userAgent": "Boto3/1.34.51 md/Botocore#1.34.51 ua/2.0 os/linux#6.1.0 md/arch#x86_64 cfg/retry",
        "readOnly": False,
        "managementEvent": True,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "h",
        },
    }
    if is_root:
        record["responseElements"]["credentials"]["sessionToken"] = base64.b64encode(chance.randbytes(540)).decode()
        return record
    words = " ".join(f"tag-{chance.random()}" for _ in range(40))
    record |= {
        "userIdentity": identity,
        "eventSource": "svc.amazonaws.com",
        "eventName": event(chance, chance.randrange(RULES)) if is_taken else f"Other{chance.randrange(RULES):03d}",
        "requestParameters": {"bucketName": f"bucket-{chance.random()}", "key": f"{chance.random()}", "p": words},
        "responseElements": {"x-amz-id-2": base64.b64encode(chance.randbytes(57)).decode(), "id": user},
    }
    return record


def messages(found: Sequence[dict[str, Any]], form: str) -> list[bytes]:
    """The messages that hold records."""
    match form:
        case "gzip":
            files = [found[start : start + FILE] for start in range(0, len(found), FILE)]
            return [igzip.compress(json.dumps({"Records": file}).encode()) for file in files]
        case "eventbridge":
            return [json.dumps(eventbridge(record)).encode() for record in found]
        case "ecs":
            return [json.dumps(ecs(record)).encode() for record in found]
    return [json.dumps(record, separators=(",", ":")).encode() for record in found]


def reader(rules: RuleSet, known: frozenset[str] | None) -> Callable[[bytes, Origin], int]:
    """Filter and sight, as a worker does; it returns how many sightings there are."""
    select = pipeline.compile_selector(rules, SETTINGS)

    def was_sent(_rule_id: str, values: tuple[str, ...], _time: int) -> bool:
        return known is not None and not known.isdisjoint(values)

    def read(value: bytes, origin: Origin) -> int:
        selected = select(value)
        if selected is None:
            return 0
        return len(
            pipeline.sight(
                bytes(selected) if type(selected) is bytearray else selected, rules, SETTINGS, origin, was_sent
            ).sightings
        )

    return read


def compare(name: str, values: Sequence[bytes], read: Callable[[bytes, Origin], int], runs: int, count: int) -> None:
    """Let both read the messages in turn, and print the ratio."""
    packed = values[0].startswith(b"\x1f\x8b")
    spent: list[tuple[float, float]] = []
    sightings = 0
    for _ in range(runs):
        begun = time.process_time()
        for value in values:
            orjson.loads(igzip.decompress(value) if packed else value)
        between = time.process_time()
        sightings = sum(read(value, Origin("source", 0, offset, NOON)) for offset, value in enumerate(values))
        spent.append((between - begun, time.process_time() - between))
    base, ours = (median(each) / count * 1e6 for each in zip(*spent, strict=True))
    ratio = median(mine / theirs for theirs, mine in spent)
    sys.stdout.write(
        f"{name:<34} {sum(map(len, values)) // count:5} B/record {sightings:5} sightings   orjson {base:6.2f} µs   "
        f"rootwatch {ours:6.2f} µs   {ratio:5.2f} of its time, {1 / ratio:5.2f} of its speed\n"
    )


def main() -> None:
    """Run the comparisons."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=2_000)
    arguments.add_argument("--runs", type=int, default=9)
    options = arguments.parse_args()
    count = options.records
    shipped = RuleSet(named.rule for named in read_rules([SHIPPED_ONLY]))
    forms = ("records", "gzip", "eventbridge", "ecs")
    for form in forms:
        found = messages(records(count, 100, is_root=True), form)
        compare(f"shipped rule, all taken, {form}", found, reader(shipped, None), options.runs, count)
    with tempfile.TemporaryDirectory() as folder:
        many = RuleSet(named.rule for named in read_rules([str(write(Path(folder) / "rules", RULES))]))
    users = [f"user-{number}" for number in range(50)]
    known = frozenset((*users, *(f"arn:aws:iam::111111111111:role/{user}" for user in users)))
    for form in forms:
        for taken in (10, 40):
            found = messages(records(count, taken, is_root=False), form)
            compare(f"40 rules, {taken} % taken, {form}", found, reader(many, known), options.runs, count)


if __name__ == "__main__":
    main()
