"""Rules for a benchmark, and records that they take."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import orjson

from bench.load.records import DISTINCT, other

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TERMS = (["rootwatch.issuer_or_arn"], ["cloud.account.id", "user.name"], ["user.name", "cloud.region"])
KNOWN_IN = 20  # of so many taken records, one is of a new tuple
USERS = 10  # of whom the known tuples are
NAMES_PER_RULE = 2


def write(folder: Path, rules: int) -> Path:
    """Write so many rules: each takes two events of a service, by their names, with terms of one or two fields."""
    folder.mkdir()
    for number in range(rules):
        names = " or ".join(f"Event{number:03d}{letter}" for letter in "AB")
        terms = ", ".join(f'"{name}"' for name in TERMS[number % len(TERMS)])
        query = f'event.provider: "svc.amazonaws.com" and event.action: ({names}) and event.outcome: success'
        (folder / f"r{number:03d}.toml").write_text(
            f'id = "bench-{number:03d}"\nname = "Bench {number}"\nversion = 1\nseverity = "low"\nrisk_score = 1\n'
            f"query = '{query}'\n"
            f'terms = [{terms}]\nwindow = "10d"\nmax_alerts = 0\n'
        )
    return folder


def records(count: int, share: float, rules: int) -> Iterator[tuple[bytes, bool]]:
    """Records as JSON, ``share`` of which a rule takes, and whether each is of a new tuple."""
    chance = random.Random(1)  # noqa: S311  no secret
    others = [orjson.dumps(other(chance, number)) for number in range(DISTINCT)]
    known: set[tuple[int, int]] = set()
    taken = 0
    for number in range(count):
        if taken >= share * (number + 1):
            yield others[number % DISTINCT], False
            continue
        rule = chance.randrange(rules)
        user = USERS + number if taken % KNOWN_IN == 0 else chance.randrange(USERS)
        taken += 1
        yield _taken(chance, number, rule, user), (rule, user) not in known
        known.add((rule, user))


def _taken(chance: random.Random, number: int, rule: int, user: int) -> bytes:
    record = other(chance, number)
    issuer = record["userIdentity"]["sessionContext"]["sessionIssuer"]
    issuer["userName"], issuer["arn"] = f"Role{user}", f"arn:aws:iam::111111111111:role/Role{user}"
    return orjson.dumps({**record, "eventSource": "svc.amazonaws.com", "eventName": event(chance, rule)})


def event(chance: random.Random, rule: int) -> str:
    """The name of an event that the rule of this number takes."""
    return f"Event{rule:03d}{chance.choice('AB')}"
