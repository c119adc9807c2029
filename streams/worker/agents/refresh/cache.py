"""Which tuples were sent to detection a short time ago, so that they need not be sent again (U7).

Rules:
- A tuple is fresh if its last sent sighting is less than the rule's ``refresh`` away by event time, before or after. A
  later one would only move last seen on by less than that. An earlier one could only lower first seen by less than
  that: a late sighting of a known tuple never alerts (M3).
- Only what the broker has acknowledged counts, beside what is in the same batch. A batch that fails is read again, so
  nothing of it may be noted.
- What an exception may take out is never noted: exceptions look at more than the terms, so the next sighting of the
  same tuple may be a first one.
- A dropped sighting moves nothing, so a tuple in constant use is sent once per ``refresh``.
- Memory is bounded: of two generations of at most 65,536 entries the older one is dropped. What is forgotten is sent.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.extraction.sighting import Sighting
    from streams.worker.agents.refresh.dropped import DroppedTuple

GENERATION = 65_536
"""How many entries a generation has; an entry takes about 300 bytes, at most 450."""

_LONGEST_KEY = 256
_DIGEST_BYTES = 16

Key = str | bytes
"""What stands for a tuple. Values may have thousands of characters; then it is a digest."""


class RefreshCache:
    """The event times of the last sent sighting of each tuple, in milliseconds since the epoch."""

    def __init__(self, generation: int = GENERATION) -> None:
        self._generation = generation
        self._young: dict[Key, int] = {}
        self._old: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def batch(self) -> RefreshBatch:
        """Begin a batch."""
        return RefreshBatch(self)

    def time_of(self, key: Key) -> int | None:
        """Return the time of the last sent sighting of a tuple; ``None`` if it is not known."""
        time = self._young.get(key)
        if time is None and (time := self._old.pop(key, None)) is not None:
            self._put(key, time)  # what is asked for stays
        return time

    def put_all(self, sent: dict[Key, int]) -> None:
        """Note tuples that the broker has acknowledged, with their times."""
        for key, time in sent.items():
            self._old.pop(key, None)
            self._put(key, time)

    def _put(self, key: Key, time: int) -> None:
        if len(self._young) >= self._generation and key not in self._young:
            self._young, self._old = {}, self._young
        self._young[key] = time


class RefreshBatch:
    """What is about to be sent; ``commit`` notes it once it is acknowledged."""

    def __init__(self, cache: RefreshCache) -> None:
        self._cache = cache
        self._pending: dict[Key, int] = {}

    def is_fresh(self, rule_id: str, values: tuple[str, ...], time: int, refresh: int) -> bool:
        """Whether the rule's tuple was sent less than ``refresh`` milliseconds away from ``time``."""
        key = key_of(rule_id, values)
        sent = self._pending.get(key)
        if sent is None:
            sent = self._cache.time_of(key)
        return sent is not None and abs(time - sent) < refresh

    def are_fresh(self, tuples: Iterable[DroppedTuple], time: int) -> bool:
        """Whether each of the tuples is fresh, as ``is_fresh`` has it."""
        for _, key, refresh in tuples:
            sent = self._pending.get(key)
            if sent is None:
                sent = self._cache.time_of(key)
            if sent is None or abs(time - sent) >= refresh:
                return False
        return True

    def note(self, sighting: Sighting, time: int) -> None:
        """Note that a sighting is about to be sent; of several times of a tuple the newest counts."""
        key = key_of(sighting.rule_id, sighting.values)
        sent = self._pending.get(key)
        if sent is None:
            sent = self._cache.time_of(key)
        self._pending[key] = time if sent is None else max(time, sent)

    def commit(self) -> None:
        """Keep what was noted: the broker has acknowledged it."""
        self._cache.put_all(self._pending)
        self._pending = {}


def key_of(rule_id: str, values: tuple[str, ...]) -> Key:
    """Return the rule and the values as one text, or a digest of them if that might be too large to be kept."""
    text = "\0".join((rule_id, *values))
    if len(text) <= _LONGEST_KEY and text.isascii() and text.count("\0") == len(values):
        return text  # no value has the separator, so no other tuple has this text
    whole = repr((rule_id, values)).encode("utf-8", "surrogatepass")
    return blake2b(whole, digest_size=_DIGEST_BYTES).digest()
