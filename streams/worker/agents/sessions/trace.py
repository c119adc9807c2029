"""Following root sessions as a stage: grants, actions and closes in, activity and summaries out (S4 to S10)."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from streams.log import log_all
from streams.sessions.action import Action
from streams.sessions.grant import Granted
from streams.sessions.joining.forget import Waiting, drop_waiting, forget, keys_to_drop
from streams.sessions.joining.state import MOST_WAITING, Close
from streams.sessions.joining.trace import trace
from streams.wire.sessions import item as codec
from streams.wire.sessions.published import ACTIVITY, SUMMARY
from streams.worker.agents.stage import Logic
from streams.worker.monitoring.view import SessionCounts
from streams.worker.outgoing import Outgoing
from streams.worker.state.sessions.index import SessionIndex
from streams.worker.state.sessions.partition import SessionPartition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from streams.sessions.joining.state import Traced
    from streams.sessions.joining.trace import TraceSettings
    from streams.sessions.meaning.summary import SessionSummary
    from streams.topics.catalogue import TopicNames
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.agents.published.encoder import Encoder
    from streams.worker.agents.published.json_form import JsonForm
    from streams.worker.delivery import Message
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.state.entries import Store
    from streams.worker.state.table import OpenStore

Item = Granted | Action | Close

# Keys looked at for what is to be forgotten, per item: more than one, so that a flood is caught up with.
STEP = 4


class Handled(NamedTuple):
    """An item's outcome, and when the item arrived, in milliseconds since the epoch."""

    traced: Traced
    arrived: int


class Table(Protocol):
    """The sessions' table."""

    def stores(self) -> Sequence[OpenStore]:
        """The stores that are open here."""

    def restores(self, number: int, /) -> int:
        """How often a recovery has written to a partition."""


@dataclass(slots=True)
class Indexes:
    """The indexes of the partitions that this worker follows; read by the closer and the gauges too.

    A partition may leave and come back while its store stays open, as a standby's. Then a recovery has written to the
    store what another worker sent, or what this worker sent and did not write. So the index is read anew after that.
    """

    table: Table
    grace: int
    _indexes: dict[int, tuple[int, SessionIndex]] = field(default_factory=dict)

    def of(self, partition: int, store: Store) -> SessionIndex:
        """Return the index of a partition; it is read anew if the partition was opened or restored meanwhile."""
        restores = self.table.restores(partition)
        known = self._indexes.get(partition)
        if known is not None and known[0] == restores and known[1].store is store:
            return known[1]
        index = SessionIndex(store, self.grace)
        self._indexes[partition] = (restores, index)
        return index

    def active(self) -> dict[int, SessionIndex]:
        """The index of each partition that is this worker's own. The others are dropped: their stores may be closed."""
        found = {opened.partition: self.of(opened.partition, opened.store) for opened in self._own()}
        for partition in self._indexes.keys() - found.keys():
            del self._indexes[partition]
        return found

    def _own(self) -> Iterator[OpenStore]:
        return (opened for opened in self.table.stores() if opened.is_active)

    def counts(self, now: int) -> SessionCounts:
        """How many sessions and actions are remembered here; ``now`` in milliseconds since the epoch."""
        found = self.active().values()
        return SessionCounts(
            sum(index.open for index in found),
            sum(1 for index in found for _ in index.due(now)),
            sum(index.waiting for index in found),
        )


@dataclass(frozen=True, slots=True)
class Tracing(Logic[SessionPartition, Item, Handled]):
    """Follows root sessions.

    Attributes:
        settings: what is known of root sessions, and the grace.
        topics: the topics of activity and summaries.
        largest: how many bytes key and value of a record may have.
        encoder: encodes activity and summaries.
        json_form: makes the JSON form of summaries; ``None`` if there is to be none.
        dead_letters: makes the dead letters.
        metrics: the counters.
        indexes: what is due, by partition.
    """

    settings: TraceSettings
    topics: TopicNames
    largest: int
    encoder: Encoder
    dead_letters: DeadLetters
    metrics: Metrics
    indexes: Indexes
    json_form: JsonForm | None = None

    def read(self, value: bytes) -> Item:
        """See ``Logic``."""
        return codec.decode(value)

    async def decide(self, message: Message, item: Item, view: SessionPartition) -> tuple[Handled, list[Outgoing]]:
        """See ``Logic``."""
        key = item.access_key_id
        arrived = _arrival(message)
        traced = trace(view.state(key), item, arrived, view.whole(key), self.settings)
        view.remember(key, traced)
        now = time.time_ns() // 1_000_000
        outgoing = [
            await self._record(
                message,
                self.topics.activity,
                ACTIVITY.as_written(replace(activity, detected_at=now)),
                activity.session_id,
                activity.rule_id,
                activity.severity,
            )
            for activity in traced.activities
        ]
        for summary in traced.summaries:
            outgoing += await self._summary(message, summary)
        return Handled(traced, arrived), outgoing

    async def _summary(self, message: Message, summary: SessionSummary) -> list[Outgoing]:
        avro = await self._record(
            message,
            self.topics.session_summaries,
            SUMMARY.as_written(summary),
            summary.session_id,
            summary.rule_id,
            summary.severity,
        )
        if self.json_form is None or avro.topic != self.topics.session_summaries:
            return [avro]
        return [avro, self.json_form.summary(message, avro, summary)]

    async def _record(  # noqa: PLR0913, PLR0917  what a record is made of
        self, message: Message, topic: str, datum: Mapping[str, Any], key: str, rule_id: str, severity: str
    ) -> Outgoing:
        value = await self.encoder.encode(topic, datum)
        if len(value) > self.largest:
            error = f"the record for {topic} is {len(value)} bytes, more than the {self.largest} of max_record_size"
            return self.dead_letters.unread(message, "too-large", error)
        return Outgoing(topic, key.encode(), value, (("rule_id", rule_id.encode()), ("severity", severity.encode())))

    def acknowledged(self, decisions: Sequence[tuple[Message, Item, Handled]]) -> None:
        """See ``Logic``: counts and logs."""
        metrics = self.metrics
        for outcome, count in Counter([handled.traced.outcome for _, _, handled in decisions]).items():
            metrics.session_items.labels(outcome).inc(count)
        found = [activity for _, _, handled in decisions for activity in handled.traced.activities]
        for labels, count in Counter([(activity.rule_id, activity.severity) for activity in found]).items():
            metrics.activities.labels(*labels).inc(count)
        closed = [(item, summary) for _, item, handled in decisions for summary in handled.traced.summaries]
        for labels, count in Counter([(summary.rule_id, summary.severity) for _, summary in closed]).items():
            metrics.summaries.labels(*labels).inc(count)
        now = time.time()
        metrics.close_delay.observe_all(
            [max(0.0, now - item.due / 1000) for item, _ in closed if isinstance(item, Close)]
        )
        log_all(__name__, "warning", [_line(summary) for _, summary in closed])

    def sweep(self, view: SessionPartition, decided: Sequence[tuple[Message, Handled]]) -> None:
        """See ``Logic``: forgets what is over, and the oldest waiting actions if there are too many (S5)."""
        index = self.indexes.of(view.number, view.store)
        now = max(handled.arrived for _, handled in decided)
        for key in list(islice(index.to_forget(now), STEP * len(decided))):
            view.remember(key, forget(view.state(key), now))
        changed = dict(view.changed())
        total = index.waiting + sum(state.waiting - index.waiting_of(key) for key, state in changed.items())
        if total <= MOST_WAITING:
            return
        waiting = {found.access_key_id: found for found in index.waiting_keys()}
        for key, state in changed.items():
            waiting.pop(key, None)
            if (since := state.waiting_since) is not None:
                waiting[key] = Waiting(since, key, state.waiting)
        for key in keys_to_drop(waiting.values(), MOST_WAITING):
            view.remember(key, drop_waiting(view.state(key)))

    def stored(self, view: SessionPartition) -> None:
        """See ``Logic``."""
        index = self.indexes.of(view.number, view.store)
        for key, state in view.changed():
            index.note(key, state)
        for reason, count in view.dropped.items():
            self.metrics.session_drops.labels(reason).inc(count)


def _line(summary: SessionSummary) -> dict[str, Any]:
    return {
        "session_id": summary.session_id,
        "alert_id": summary.alert_id,
        "revision": summary.revision,
        "severity": summary.severity,
        "principal": summary.grant.principal,
        "member_account": summary.grant.member_account,
        "reason": summary.reason,
        "event": "session",
    }


def _arrival(message: Message) -> int:
    """When an item arrived, by Kafka; by the clock where Kafka has no timestamp."""
    origin = message.origin
    return origin.timestamp if origin.has_timestamp else time.time_ns() // 1_000_000
