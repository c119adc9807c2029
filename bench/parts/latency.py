"""From the moment when the broker has an event to the moment when it has the alert, by the broker's own stamps.

Both topics have ``LogAppendTime``, so one clock stamps both, in whole milliseconds.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_broker import create_topic

from bench.contenders import Job, Place, Rootwatch
from bench.load.records import mixed
from bench.load.topics import BY_THE_BROKER, Ends, delete
from bench.watch import wait_until_ready
from streams.wire import alert as alert_codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

PARTITIONS = 4
WARM_UP = 200
IDLE_EVENTS = 400
IDLE_PAUSE = 0.025  # seconds between two events
BURST = 10_000  # records that show how many a second the worker takes
MOST_SECONDS = 30  # for the burst
HALF_SECONDS = 10
STEP = 0.01  # seconds between two sends at half load
QUIET = 2  # seconds without an alert, after which all are there


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure one worker per run: idle first, then at half of the load that it bears."""
    for run in range(options.runs):
        source = create_topic(bootstrap, f"bench-{uuid.uuid4().hex[:8]}", PARTITIONS, **BY_THE_BROKER)
        with (
            tempfile.TemporaryDirectory() as folder,
            Rootwatch().run(Place(bootstrap, source, Path(folder))) as job,
        ):
            wait_until_ready(job)
            yield from ({**row, "run": run} for row in _Probe(bootstrap, source, job).measure())
        delete(bootstrap, source)


class _Probe:
    """Sends events to one worker, all of which match, and reads its alerts."""

    def __init__(self, bootstrap: str, source: str, job: Job) -> None:
        self._source = source
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
        self._values = mixed(10**9, 1)
        self._ends = Ends(bootstrap, job.alerts, job.partitions)
        group = {"group.id": "nobody", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, **group})
        self._consumer.assign([TopicPartition(job.alerts, number, 0) for number in range(job.partitions)])

    def measure(self) -> Iterator[Row]:
        """Measure idle and at half load."""
        self._steadily(WARM_UP, 1, IDLE_PAUSE)
        self._waits()
        self._steadily(IDLE_EVENTS, 1, IDLE_PAUSE)
        yield {"contender": "rootwatch", "load": "idle", "per_second": 1 / IDLE_PAUSE, **_spread(self._waits())}
        half = self._burst() / 2
        self._waits()
        each = max(1, round(half * STEP))
        self._steadily(round(HALF_SECONDS / STEP), each, STEP)
        yield {"contender": "rootwatch", "load": "half", "per_second": each / STEP, **_spread(self._waits())}
        self._consumer.close()

    def _send(self, count: int) -> None:
        for _ in range(count):
            self._producer.produce(self._source, next(self._values))
        self._producer.poll(0)

    def _steadily(self, times: int, each: int, pause: float) -> None:
        begun = time.monotonic()
        for number in range(times):
            self._send(each)
            time.sleep(max(0.0, begun + (number + 1) * pause - time.monotonic()))
        self._producer.flush(60)

    def _burst(self) -> float:
        """Records a second of a backlog."""
        before, begun = self._ends.count(), time.monotonic()
        self._send(BURST)
        self._producer.flush(60)
        expected = before + BURST // 10 * 9
        while (count := self._ends.count()) < expected and time.monotonic() - begun < MOST_SECONDS:
            time.sleep(0.02)
        return (count - before) * 10 / 9 / (time.monotonic() - begun)

    def _waits(self) -> list[int]:
        """Milliseconds from event to alert of every alert since the last call, when no more come."""
        waits: list[int] = []
        heard = time.monotonic()
        while time.monotonic() - heard < QUIET:
            for message in self._consumer.consume(1_000, timeout=0.1):
                heard = time.monotonic()
                waits.append(message.timestamp()[1] - _milliseconds(alert_codec.decode(message.value())))
        return waits


def _milliseconds(alert: dict[str, Any]) -> int:
    """When the broker had the event of an alert."""
    stamp = alert["origin"]["timestamp"]
    return stamp if isinstance(stamp, int) else round(stamp.timestamp() * 1000)


def _spread(waits: list[int]) -> Row:
    ordered = sorted(waits)
    p50, p99 = (ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
    return {"events": len(ordered), "p50_ms": p50, "p99_ms": p99, "longest_ms": ordered[-1]}
