"""Filters what a response holds of the source topics, beside the event loop if it is much.

The rules:

* A large response is filtered in a thread, so that the loop takes in the next one meanwhile, and heartbeats are sent.
* Two threads filter if the batches are compressed. Decompression and the search for marks leave Python's lock
  to others, and they are most of the work. Uncompressed batches gain nothing by a second thread.
* All partitions of a response together keep as many bytes as are free; one batch of each partition may exceed this. Two
  at once share what is free.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from streams.worker.consumer.fetch.fetch_filter import Filtered, filter_batches, is_compressed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.worker.skips import Skips

# So many at once: what is left to Python's lock is half of the time of one, so that a third would wait.
THREADS = 2
# To hand over smaller responses would take longer than it saves.
MANY_BYTES = 256 * 1024


class Part(NamedTuple):
    """The bytes that a response holds of one partition."""

    topic: str
    partition: int
    batches: bytes | memoryview


class SourceFilter:
    """Filters responses.

    Args:
        find_marks: see ``filter_batches``.
        skips: the records that an operator skips.
    """

    def __init__(self, find_marks: Callable[[bytes | memoryview, int, int], Sequence[int]], skips: Skips) -> None:
        self._find_marks = find_marks
        self._skips = skips
        self._threads = ThreadPoolExecutor(THREADS, "filter")

    async def filter(self, parts: Sequence[Part], free_bytes: int) -> list[Filtered]:
        """Return what is left of each part, in order, and what was in it."""
        if threads := threads_for(parts):
            return await self._in_threads(parts, free_bytes, threads)
        filtered = []
        for part in parts:
            filtered.append(self._filtered(part, free_bytes))
            free_bytes -= len(filtered[-1].kept)
            await asyncio.sleep(0)  # heartbeats and commits use this loop too
        return filtered

    async def _in_threads(self, parts: Sequence[Part], free_bytes: int, threads: int) -> list[Filtered]:
        loop, idle, left = asyncio.get_running_loop(), asyncio.Semaphore(threads), free_bytes

        async def filtered(part: Part) -> Filtered:
            nonlocal left
            async with idle:
                share = left // threads
                left -= share
                result = await loop.run_in_executor(self._threads, self._filtered, part, share)
                left += share - len(result.kept)
                return result

        return await asyncio.gather(*map(filtered, parts))

    def _filtered(self, part: Part, free_bytes: int) -> Filtered:
        return filter_batches(part.batches, self._find_marks, self._skips.of(part.topic, part.partition), free_bytes)


def threads_for(parts: Sequence[Part]) -> int:
    """How many threads filter these parts soonest, beside the event loop; with 0 it does that itself."""
    if sum(len(part.batches) for part in parts) < MANY_BYTES:
        return 0
    return THREADS if len(parts) > 1 and any(is_compressed(part.batches) for part in parts) else 1
