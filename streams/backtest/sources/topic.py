"""A topic as a source: which offsets of which partitions to read, and how they are cut into tasks.

Rules:
- The ends are taken at the start, so that a replay of a live topic ends.
- Records of an open transaction are not read, nor those after it. A transaction that is open at the start gets
  ``OPEN_SECONDS`` to end, which is enough for a producer that commits all the time. If it stays open, the replay stops
  before it.
- ``--from`` becomes an offset by Kafka's index of timestamps: every record before that offset is older, or has no
  timestamp. ``--to`` cannot become one, because producers' timestamps need not ascend. Where to stop is found while
  reading (``topic_task``).
- The offsets of all partitions, laid end to end, are cut into as many equal pieces as there are processes. So a topic
  of one partition also uses all processes, and no process reads a partition twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from streams.backtest.run import Input
from streams.backtest.sources.topic_task import Slice, TopicTask
from streams.errors import UsageError
from streams.kafka.readers.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.backtest.sources.request import ReplayRequest
    from streams.settings import Settings

SMALL_TOPIC = 10_000
"""A topic of at most this many records is read by one process, and thoroughly: starting more would cost more."""

OPEN_SECONDS = 10.0
_CHECK_SECONDS = 0.2


class _Range(Struct):
    """The offsets that a partition holds, and those to read; ends are exclusive."""

    partition: int
    oldest: int
    end: int
    start: int = 0


def topic_input(request: ReplayRequest, settings: Settings, processes: int) -> Input:
    """The requested part of a topic, in at most ``processes`` tasks.

    Raises:
        UsageError: the request names a partition or an offset that does not exist.
        SourceError: the cluster cannot be reached or refuses, or there is no such topic.
    """
    topic = request.topic or ""
    with Connection(settings, uncommitted=True) as connection:
        ranges = _ranges(connection, topic)
        _check_partitions(request, ranges)
        _set_starts(connection, request, ranges)
        _set_ends(request, ranges)
    truncated = list(_deleted(request, ranges))
    with Connection(settings) as connection:
        truncated += _stop_before_open_transactions(connection, topic, ranges)
    slices = [Slice(r.partition, r.start, r.end) for r in ranges if r.start < r.end]
    total = sum(piece.end - piece.start for piece in slices)
    is_small = total <= SMALL_TOPIC
    pieces = cut(slices, 1 if is_small else processes)
    oldest = {r.partition: r.oldest for r in ranges} if request.span.start is not None else {}
    return Input(
        [TopicTask(settings, topic, piece, request.span, oldest) for piece in pieces],
        total,
        "records",
        is_small=is_small,
        truncated=truncated,
    )


def cut(slices: list[Slice], pieces: int) -> list[tuple[Slice, ...]]:
    """Cut the slices, in order, into at most this many pieces with the same number of offsets each."""
    total = sum(piece.end - piece.start for piece in slices)
    bounds = [total * number // pieces for number in range(1, pieces + 1)]
    result: list[list[Slice]] = [[] for _ in bounds]
    done = 0
    for piece in slices:
        start = piece.start
        for number, bound in enumerate(bounds):
            end = min(piece.end, start + max(0, bound - done))
            if start < end:
                result[number].append(Slice(piece.partition, start, end))
                done += end - start
                start = end
    return [tuple(group) for group in result if group]


def _ranges(connection: Connection, topic: str) -> list[_Range]:
    ranges = []
    for partition in connection.require_partitions(topic):
        oldest, end = connection.watermarks(topic, partition)
        ranges.append(_Range(partition, oldest, end, oldest))
    return ranges


def _check_partitions(request: ReplayRequest, ranges: list[_Range]) -> None:
    there = {r.partition for r in ranges}
    for option, offsets in (("--from-offset", request.from_offsets), ("--to-offset", request.to_offsets)):
        for partition in offsets.keys() - there:
            raise UsageError(
                f"{option} {partition}:{offsets[partition]}: topic {request.topic} has no partition {partition}; "
                f"it has {min(there)} to {max(there)}"
            )


def _set_starts(connection: Connection, request: ReplayRequest, ranges: list[_Range]) -> None:
    starts = dict(request.from_offsets)
    if request.span.start is not None:
        starts = _offsets_at(connection, request, ranges, request.span.start)
    for r in ranges:
        start = starts.get(r.partition, r.oldest)
        if start > r.end:
            raise _out_of_range("--from-offset", request.topic, r, start)
        r.start = max(start, r.oldest)


def _offsets_at(connection: Connection, request: ReplayRequest, ranges: list[_Range], time: int) -> dict[int, int]:
    """By partition, the first offset whose timestamp is at or after ``time``; the end if there is none.

    A partition in which no record has a Kafka timestamp is read whole, because its records' event times decide.
    """
    topic = request.topic or ""
    offsets = connection.offsets_at(topic, [r.partition for r in ranges], time)
    found_none = [r for r in ranges if r.oldest < r.end and offsets[r.partition] is None]
    has_times = connection.offsets_at(topic, [r.partition for r in found_none], 0) if found_none else {}
    starts: dict[int, int] = {}
    for r in ranges:
        offset = offsets[r.partition]
        if offset is None:
            is_without_times = r in found_none and has_times[r.partition] is None
            offset = r.oldest if is_without_times else r.end
        starts[r.partition] = min(offset, r.end)
    return starts


def _out_of_range(option: str, topic: str | None, r: _Range, offset: int) -> UsageError:
    return UsageError(f"{option} {r.partition}:{offset}: out of range: {topic}[{r.partition}] ends at offset {r.end}")


def _set_ends(request: ReplayRequest, ranges: list[_Range]) -> None:
    for r in ranges:
        end = request.to_offsets.get(r.partition, r.end)
        if end > r.end:
            raise _out_of_range("--to-offset", request.topic, r, end)
        start = request.from_offsets.get(r.partition, 0)
        if start > end:
            raise UsageError(f"--from-offset {r.partition}:{start} is after --to-offset {r.partition}:{end}")
        r.end = end


def _stop_before_open_transactions(connection: Connection, topic: str, ranges: list[_Range]) -> Iterator[str]:
    """End each range before the first transaction that stays open, and describe what is not read."""
    until = time.monotonic() + OPEN_SECONDS
    for r in ranges:
        if r.start >= r.end:
            continue
        while (stable := connection.watermarks(topic, r.partition)[1]) < r.end and time.monotonic() < until:
            time.sleep(_CHECK_SECONDS)
        if stable < r.end:
            first = max(stable, r.start)
            yield (
                f"{topic}[{r.partition}]: a transaction is open from offset {stable} on; "
                f"offsets {first} to {r.end - 1} are not read"
            )
            r.end = first


def _deleted(request: ReplayRequest, ranges: list[_Range]) -> Iterator[str]:
    """Describe the requested offsets that are deleted; a partition without a requested start begins at what is left."""
    for r in ranges:
        is_all_deleted = r.partition in request.to_offsets and r.end <= r.oldest
        start = request.from_offsets.get(r.partition, 0 if is_all_deleted else r.oldest)
        deleted_end = min(r.oldest, r.end)
        if start < deleted_end:
            rest = "none of them is left" if is_all_deleted else f"reading from {r.oldest} instead"
            yield f"{request.topic}[{r.partition}]: offsets {start} to {deleted_end - 1} are already deleted; {rest}"
