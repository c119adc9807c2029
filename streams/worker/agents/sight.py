"""The sight agent: takes messages of the source topics, sends sightings and dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from streams import pipeline
from streams.wire import sighting as codec
from streams.wire.sessions import item as session_item
from streams.worker.agents.batches import Yielder
from streams.worker.agents.refresh.cache import RefreshCache
from streams.worker.agents.refresh.dropped import dropped
from streams.worker.failure import failed_record
from streams.worker.outgoing import SLICE_BYTES, Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.extraction.sighting import Sighting
    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import RuleSet
    from streams.sessions.action import Action
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.agents.refresh.cache import RefreshBatch
    from streams.worker.agents.refresh.dropped import Dropped
    from streams.worker.agents.taking_counts import TakingCounts
    from streams.worker.delivery import Message
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.skips import Skips

# A larger message is read in a thread: handing it over costs far less than reading it.
LARGE_BYTES = 128 * 1024


class Sender(Protocol):
    """Sends records."""

    async def send_all(self, records: Sequence[Outgoing], /) -> object:
        """Return once the broker has acknowledged all of them."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Handles batches of source messages: read, extract, send, wait for the acknowledgements.

    Attributes:
        rules: the rules.
        settings: the settings of detection by rule id; ``refresh`` and the exceptions count here.
        extract_settings: how sightings are extracted.
        topic: the sightings topic.
        largest: how many bytes key and value of a record may have.
        skips: the records that become dead letters unread.
        sender: sends sightings and dead letters.
        dead_letters: makes the dead letters.
        metrics: the counters.
        counts: counts what is read and what the rules take.
        memo: what became of records of which nothing was sent.
        refresh_cache: the tuples that were sent a short time ago (U7).
    """

    rules: RuleSet
    settings: Mapping[str, DecisionSettings]
    extract_settings: pipeline.ExtractSettings
    topic: str
    sessions_topic: str
    largest: int
    skips: Skips
    sender: Sender
    dead_letters: DeadLetters
    metrics: Metrics
    counts: TakingCounts
    memo: pipeline.Memo[Dropped]
    refresh_cache: RefreshCache = field(default_factory=RefreshCache)

    async def handle(self, messages: Sequence[Message], _owned: Callable[[], bool]) -> None:
        """Send the sightings and dead letters of a batch; return when the broker has acknowledged all of them."""
        yielder, size, fresh = Yielder(), 0, self.refresh_cache.batch()
        outgoing: list[Outgoing] = []
        try:
            for message in messages:
                try:
                    read = self._outgoing(message, fresh)
                    if not isinstance(read, list):  # nearly every one is a list, and awaits nothing
                        read = await read
                except Exception as failure:
                    raise failed_record(message) from failure
                if read:
                    outgoing += read
                    size += sum(record.size for record in read)
                    if size >= SLICE_BYTES:
                        await self.sender.send_all(outgoing)
                        fresh.commit()
                        outgoing, size = [], 0
                if yielder.is_due():
                    self.counts.flush()
                    await yielder.yield_now()
        finally:
            self.counts.flush()
        await self.sender.send_all(outgoing)
        fresh.commit()

    def _outgoing(self, message: Message, fresh: RefreshBatch) -> list[Outgoing] | Awaitable[list[Outgoing]]:
        if self.skips and self.skips.has(message.topic, message.partition, message.offset):
            return self._skipped(message)
        value = message.value
        if type(value) is bytes and (look := self.memo.look(value)) is not None:
            known = look.outcome
            if known is not None and self._is_dropped(message, value, look.event_time, known, fresh):
                self.counts.count_dropped(known)
                return []
            return self._read(message, fresh, look.key)
        if pipeline.size_in_memory(value) > LARGE_BYTES:  # the event loop goes on meanwhile
            return asyncio.to_thread(self._read, message, fresh)
        return self._read(message, fresh)

    def _is_dropped(self, message: Message, value: bytes, event_time: str, known: Dropped, fresh: RefreshBatch) -> bool:
        """Whether nothing has to be sent of a record like one of which nothing was sent."""
        time = pipeline.sighting_time(event_time, self.extract_settings, message.origin)
        return time is not None and fresh.are_fresh(known.tuples, time) and pipeline.is_shallow_text(value)

    async def _skipped(self, message: Message) -> list[Outgoing]:
        return [await self.dead_letters.skipped(message)]

    def _read(self, message: Message, fresh: RefreshBatch, key: tuple[Any, ...] | None = None) -> list[Outgoing]:
        """Read a message in full; with a ``key`` of the memo, remember under it that nothing is sent."""
        asked: dict[str, tuple[str, ...]] = {}

        def was_sent(rule_id: str, values: tuple[str, ...], time: int) -> bool:
            asked[rule_id] = values
            refresh = self.settings[rule_id].refresh
            return refresh > 0 and fresh.is_fresh(rule_id, values, time, refresh)

        result = pipeline.sight(message.value, self.rules, self.extract_settings, message.origin, was_sent)
        self.counts.count(result)
        if not (result.sightings or result.actions or result.rejected):
            if key is not None and (known := dropped(result, asked, self.settings)) is not None:
                self.memo.learn(key, known)
            return []
        outgoing = self._sightings(message, result.sightings, fresh)
        outgoing += [self._action(message, action) for action in result.actions]
        outgoing += [self.dead_letters.rejected(message, rejected) for rejected in result.rejected]
        return outgoing

    def _sightings(self, message: Message, sightings: Sequence[Sighting], fresh: RefreshBatch) -> list[Outgoing]:
        """The records of sightings, without those whose tuple was sent a short time ago (U7).

        A record whose sightings cannot be sent is one dead letter for each reason, however many they are.
        """
        sent: list[Outgoing] = []
        lost: set[tuple[str, str]] = set()
        several = len(sightings) > 1
        for sighting in sightings:
            settings = self.settings[sighting.rule_id]
            time = sighting.time_by(settings.clock)
            # A sighting that was made was not sent before, unless the same message has just sent it.
            if (
                several
                and settings.refresh
                and fresh.is_fresh(sighting.rule_id, sighting.values, time, settings.refresh)
            ):
                self.counts.add(self.metrics.refreshed, sighting.rule_id)
                continue
            outgoing = self._sighting(sighting)
            if isinstance(outgoing, pipeline.Rejected):
                if (outgoing.reason, sighting.record) not in lost:
                    lost.add((outgoing.reason, sighting.record))
                    sent.append(self.dead_letters.rejected(message, outgoing))
                continue
            self.counts.add(self.metrics.sightings, sighting.rule_id)
            sent.append(outgoing)
            if settings.refresh and not (
                settings.exceptions and pipeline.may_be_excepted(settings.exceptions, sighting)
            ):
                fresh.note(sighting, time)
        return sent

    def _sighting(self, sighting: Sighting) -> Outgoing | pipeline.Rejected:
        try:
            value = codec.encode(sighting)
        except ValueError as unfit:
            return _not_sent("malformed", str(unfit), sighting)
        key = codec.key_of(sighting)
        if len(key) + len(value) > self.largest:
            error = f"the sighting is {len(key) + len(value)} bytes, more than the {self.largest} of max_record_size"
            return _not_sent("too-large", error, sighting)
        return Outgoing(self.topic, key, value)

    def _action(self, message: Message, action: Action) -> Outgoing:
        value = session_item.encode(action)
        key = action.access_key_id.encode()
        if len(key) + len(value) > self.largest:
            error = f"the action is {len(key) + len(value)} bytes, more than the {self.largest} of max_record_size"
            return self.dead_letters.unread(message, "too-large", error)
        self.metrics.actions.inc()
        return Outgoing(self.sessions_topic, key, value)


def _not_sent(reason: str, error: str, sighting: Sighting) -> pipeline.Rejected:
    return pipeline.Rejected(reason, error, None, sighting.record.encode(), redacted=True)
