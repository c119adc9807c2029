"""Messages in the forms in which CloudTrail comes, other than one record each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import orjson
from cloudtrail_messages import ecs, eventbridge
from isal import igzip

from bench.load.records import DISTINCT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

A_FILE = 50


def _file(records: list[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(records) + b"]}"


def _gzip(records: list[bytes]) -> bytes:
    return igzip.compress(_file(records))


def _eventbridge(records: list[bytes]) -> bytes:
    return orjson.dumps(eventbridge(orjson.loads(records[0])))


def _ecs(records: list[bytes]) -> bytes:
    return orjson.dumps(ecs(orjson.loads(records[0]), lambda value: orjson.dumps(value).decode()))


# By form: how many records a message holds, and how it is made.
FORMS: dict[str, tuple[int, Callable[[list[bytes]], bytes]]] = {
    "files of 50": (A_FILE, _file),
    "files of 50, gzip": (A_FILE, _gzip),
    "EventBridge": (1, _eventbridge),
    "ECS": (1, _ecs),
}


def messages(records: Iterable[bytes], form: str) -> Iterator[bytes]:
    """The records in messages of this form."""
    each, make = FORMS[form]
    made: dict[bytes, bytes] = {}  # records that no rule takes repeat
    source = iter(records)
    while held := list(itertools.islice(source, each)):
        if each > 1:
            yield make(held)
            continue
        value = made.get(held[0])
        if value is None:
            value = make(held)
            if len(made) < DISTINCT:
                made[held[0]] = value
        yield value
