"""Seeds the live baseline: sends past sightings to the sightings topic, marked as teaching only (M6).

Rules:
- Seeding teaches what the worker would have learned: same reading, same topic, same partitioning (murmur2, like Faust).
- Sightings are sent in order of time, so that the memory of a pair does not depend on the order of the files.
- Seeding again teaches nothing new, because the worker knows a sighting that it has seen (M5).
- Each sighting is acknowledged by the brokers, or counted as a failure.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Producer
from msgspec import structs

from streams.backtest.order import Sorter, order_key, record_size
from streams.backtest.reading.read_stats import Location, ReadStats, Rejection
from streams.backtest.run import read
from streams.errors import SourceError
from streams.kafka.readers.connection import PATIENCE, Connection, log
from streams.kafka.refusals import error_text
from streams.kafka.security import producer_options
from streams.wire import sighting as codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Message

    from streams.backtest.reading.tasks import ReadSettings
    from streams.backtest.run import Input, Progress
    from streams.extraction.sighting import Sighting
    from streams.settings import Settings

_POLL_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class WarmUpSettings:
    """The settings of seeding: how to read, with how many processes, and the topic for the sightings."""

    read_settings: ReadSettings
    processes: int
    settings: Settings
    topic: str


def seed(source: Input, how: WarmUpSettings, progress: Progress) -> tuple[ReadStats, int]:
    """Read the input and send its sightings. Returns the counts, and how many sightings were acknowledged.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or the topic is missing.
    """
    topic, settings = how.topic, how.settings
    with Connection(settings) as connection:
        connection.require_partitions(topic, "; `rootwatch topics apply` makes it")
    stats = ReadStats()
    with Sorter(lambda sighting: order_key(sighting, settings.clock), size=record_size) as sorter:
        for chunk in read(source, how.read_settings, how.processes, stats, progress):
            sorter.add(chunk.sightings)
        sender = _Sender(settings, topic)
        for sighting in progress.handle("seeding", sorter.sorted(), stats.sightings):
            sender.send(sighting, stats)
        sender.finish()
    if sender.failed:
        stats.failures.append((f"topic {topic}", f"{sender.failed:,} sightings not acknowledged: {sender.last_error}"))
    return stats, sender.acknowledged


class _Sender:
    """Sends sightings and counts their acknowledgements and failures."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(producer_options(settings) | {"error_cb": self._note}, logger=log)
        self._sent = 0
        self.acknowledged = 0
        self.failed = 0
        self.last_error: KafkaError | None = None

    def send(self, sighting: Sighting, stats: ReadStats) -> None:
        value = codec.encode(structs.replace(sighting, teaching=True))
        while True:
            try:
                self._producer.produce(self._topic, value, codec.key_of(sighting), on_delivery=self._delivered)
            except BufferError:
                self._serve(self._producer.poll, 0.1)
                continue
            except KafkaException as error:
                location = Location("sightings", self._sent)
                stats.reject(
                    Rejection(location, "too-large", f"sighting of event {sighting.event.id}: {error.args[0].str()}")
                )
            break
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._serve(self._producer.poll, 0)

    def finish(self) -> None:
        """Wait for outstanding acknowledgements, as long as some still arrive."""
        waiting, until = len(self._producer), time.monotonic() + PATIENCE
        while waiting and time.monotonic() < until:
            left = self._serve(self._producer.flush, 1.0)
            if left < waiting:
                waiting, until = left, time.monotonic() + PATIENCE
        self._producer.purge()
        self._producer.flush(1.0)

    def _serve(self, call: Callable[[float], int], seconds: float) -> int:
        """Let the library run its callbacks; raise SourceError if the producer itself is refused."""
        try:
            return call(seconds)
        except (KafkaException, SystemError) as error:
            # During callbacks the library may raise its error as the cause of another one, or lose it.
            cause = error if isinstance(error, KafkaException) else error.__cause__
            reason = (
                error_text(cause.args[0]) if isinstance(cause, KafkaException) else "the producer is refused for good"
            )
            raise SourceError(f"topic {self._topic}: Write: {reason}") from error

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
            self.last_error = error

    def _note(self, error: KafkaError) -> None:
        self.last_error = error
