"""Follows the topics and hands each notice to every service, until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import structlog

from streams.kafka.readers.group import GroupReader, Place
from streams.notices.decoding import Decoder
from streams.notices.messages.compose import Composer
from streams.notices.sending.progress import Progress
from streams.notices.sending.sender import FAILURES, Outcome, Sender, Task
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from confluent_kafka import Message

    from streams.notices.messages.compose import Choice
    from streams.notices.sending.sender import Patience
    from streams.notices.sending.service import Service
    from streams.settings import Settings

log = structlog.get_logger(__name__)

_COMMIT_SECONDS = 1.0
_END_SECONDS = 60.0
UNREADABLE = "unreadable"


class FollowSettings(NamedTuple):
    """How topics are followed.

    Attributes:
        group: the consumer group.
        since: where a group begins that has committed nothing, in milliseconds; ``None`` for the end.
        choice: what is told.
        patience: how long a service is tried.
    """

    group: str
    since: int | None
    choice: Choice
    patience: Patience


class Services(NamedTuple):
    """The services, and their ids in the group's offsets; both in one order."""

    services: Sequence[Service]
    ids: Sequence[str]


class Follower:
    """Reads alerts, overflow and summaries, and lets one sender per service tell of them.

    Args:
        settings: how to reach the cluster and the registry.
        follow: what to tell, and how.
        services: who is told.
        count: is told each outcome, and of which service; of an unreadable record with an empty name.

    Attributes:
        counts: how often each outcome was, by service and outcome.
        has_begun: whether it is settled where the group begins: what is written from now on is told.
    """

    def __init__(
        self,
        settings: Settings,
        follow: FollowSettings,
        services: Services,
        count: Callable[[str, str], None] = lambda _service, _outcome: None,
    ) -> None:
        self._settings = settings
        self._follow = follow
        self._count_also = count
        self._composer = Composer(topic_names(settings), follow.choice)
        self._decoder = Decoder(settings)
        self._progress = Progress(services.ids)
        self._senders = [
            Sender(service, service_id, self._progress, follow.patience, self._count)
            for service, service_id in zip(services.services, services.ids, strict=True)
        ]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.has_begun = False

    @property
    def waiting(self) -> dict[str, int]:
        """How many records wait for each service."""
        return {sender.name: sender.waiting for sender in self._senders}

    def stop(self) -> None:
        """Finish what is in hand, commit and end."""
        self._stopping.set()

    def run(self) -> bool:
        """Follow until stopped; returns whether every notice reached every service.

        Raises:
            OperatorError: the cluster or the registry refuses, or a topic does not exist.
        """
        with GroupReader(self._settings, self._follow.group, self._progress) as reader:
            names = topic_names(self._settings)
            topics = reader.begin(self._composer.topics, since=self._follow.since, required=(names.alerts,))
            self.has_begun = True
            reader.join(topics)
            log.info(
                "notify.started",
                group=self._follow.group,
                topics=",".join(topics),
                services=",".join(self.waiting),
            )
            for sender in self._senders:
                sender.start()
            try:
                self._read(reader)
            finally:
                self._end()
        log.info("notify.stopped", **self._totals())
        return not any(outcome in {*FAILURES, UNREADABLE} for _, outcome in self.counts)

    def _read(self, reader: GroupReader) -> None:
        committed_at = time.monotonic()
        while not self._stopping.is_set():
            for message in reader.read():
                self._hand_over(message)
            reader.pause(paused=any(sender.is_full for sender in self._senders))
            if time.monotonic() - committed_at >= _COMMIT_SECONDS:
                reader.commit()
                committed_at = time.monotonic()
            if not all(sender.is_alive() for sender in self._senders):
                raise RuntimeError("a sender has ended; its traceback is above")

    def _hand_over(self, message: Message) -> None:
        place = Place(str(message.topic()), int(message.partition() or 0))
        offset = int(message.offset() or 0)
        value = self._decoder.decode(place.topic, message.value() or b"")
        if isinstance(value, str):
            self._count("", UNREADABLE)
            log.error("record.unreadable", topic=place.topic, partition=place.partition, offset=offset, error=value)
            notice = None
        else:
            notice = self._composer.notice(place.topic, value, (place, offset))
        task = Task(place, offset, self._progress.turn(place), notice)
        for sender in self._senders:
            sender.add(task)

    def _end(self) -> None:
        """Let every sender finish its attempt; what is left stays uncommitted."""
        for sender in self._senders:
            sender.stop()
        until = time.monotonic() + _END_SECONDS
        for sender in self._senders:
            sender.join(max(0.0, until - time.monotonic()))

    def _count(self, service: str, outcome: Outcome | str) -> None:
        with self._lock:
            self.counts[service, str(outcome)] += 1
        self._count_also(service, str(outcome))

    def _totals(self) -> dict[str, int]:
        return {f"{service} {outcome}".strip(): count for (service, outcome), count in sorted(self.counts.items())}


def stop_on_signals(stop: Callable[[], None]) -> list[int]:
    """Call ``stop`` on SIGTERM and SIGINT; a second signal ends the process at once. Returns the signals that came."""
    came: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        came.append(number)
        stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return came
