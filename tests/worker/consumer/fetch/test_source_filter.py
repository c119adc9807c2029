"""A response of the source topics is filtered by one thread or by two, with the same result."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.inputs import prefilter
from streams.worker.consumer.fetch import source_filter
from streams.worker.consumer.fetch.fetch_filter import Filtered, filter_batches
from streams.worker.consumer.fetch.source_filter import MANY_BYTES, Part, SourceFilter, threads_for
from streams.worker.skips import NO_SKIPS

FIND_MARKS = prefilter.compile_finder(frozenset({"AssumeRoot"}), follow_sessions=True)
ZSTD = 4
Find = Callable[[Any, int, int], Any]


def batch(seed: int, size: int, compression: int) -> bytes:
    """A batch of two records, one of which has a mark, with so many bytes."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 30)
    builder.append(0, 1_000, None, b'{"eventName": "AssumeRoot"}', [])
    builder.append(1, 1_000, None, random.Random(seed).randbytes(size // 2).hex().encode(), [])  # noqa: S311  no secret
    return bytes(builder.build())


def parts(count: int, size: int, compression: int) -> list[Part]:
    """So many partitions with three such batches each."""
    return [Part("cloudtrail", number, batch(number, size, compression) * 3) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "size", "compression", "threads"),
    [
        (4, MANY_BYTES, ZSTD, 2),
        (2, MANY_BYTES, ZSTD, 2),
        (1, MANY_BYTES, ZSTD, 1),
        (4, MANY_BYTES, 0, 1),
        (4, 100, ZSTD, 0),
        (0, 0, ZSTD, 0),
    ],
)
def test_every_way_has_the_same_result(count: int, size: int, compression: int, threads: int) -> None:
    """Large compressed responses are filtered by two threads, other large ones by one, each part by itself."""
    given = parts(count, size, compression)
    assert threads_for(given) == threads
    filtered = asyncio.run(SourceFilter(FIND_MARKS, NO_SKIPS).filter(given, 1 << 30))
    assert filtered == [filter_batches(part.batches, FIND_MARKS) for part in given]
    assert [each.records - each.skipped for each in filtered] == [3] * count


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_parts_share_the_free_bytes(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts together keep no more than is free, but for one batch each of those that are filtered at once."""
    monkeypatch.setattr(source_filter, "threads_for", lambda _parts: threads)
    given = parts(8, 100, ZSTD)
    one = len(filter_batches(batch(0, 100, ZSTD), FIND_MARKS).kept)
    for batches in (0, 1, 5, 12):
        filtered = asyncio.run(SourceFilter(FIND_MARKS, NO_SKIPS).filter(given, batches * one))
        kept = sum(len(each.kept) for each in filtered)
        assert min(batches, 1) * one <= kept <= (batches + source_filter.THREADS) * one
    assert math.isclose(sum(len(each.kept) for each in filtered), 12 * one, rel_tol=0.2)


def test_no_part_takes_what_another_one_may_still_take() -> None:
    """While one part is being filtered, its share of the free bytes is not given to others."""
    slow, kept = threading.Event(), 0

    def filtered(part: Part, free_bytes: int) -> Filtered:
        nonlocal kept
        if part.partition == 0:
            slow.wait(60)
        if part.partition == len(given) - 1:
            slow.set()
        kept += free_bytes
        return Filtered(kept=bytes(free_bytes))

    given = parts(5, MANY_BYTES, ZSTD)
    source_filter = SourceFilter(FIND_MARKS, NO_SKIPS)
    source_filter._filtered = filtered  # type: ignore[method-assign]  # noqa: SLF001  the batches do not matter here
    asyncio.run(source_filter.filter(given, 1_000))
    assert kept <= 1_000


@pytest.mark.parametrize("size", [100, MANY_BYTES])
def test_a_failure_is_that_of_the_response(size: int) -> None:
    """A failure in a thread reaches the caller, as one in the event loop does."""

    def fail(*_bytes: Any) -> Any:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(SourceFilter(fail, NO_SKIPS).filter(parts(3, size, ZSTD), 1 << 30))


def test_skipped_records_are_those_of_the_partition() -> None:
    """Each part is filtered with the offsets that are skipped in its own partition."""
    skips: Any = SimpleNamespace(of=lambda _topic, partition: {1} if partition == 1 else ())
    filtered = asyncio.run(SourceFilter(FIND_MARKS, skips).filter(parts(3, MANY_BYTES, ZSTD), 1 << 30))
    assert [each.skipped for each in filtered] == [3, 0, 3]
