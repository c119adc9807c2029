"""Says where the processor time of a taken record goes: what filter, sight, detect and trace each take of it.

    python -m bench.questions.stages [--load alerting] [--records 2000] [--batch 100] [--runs 5]

In one process, without a broker. The stages are those of a worker: RocksDB keeps their memory, aiokafka's batches are
built and compressed, lines are written to nowhere. Fetching, Faust and the network are left out. Loads:

* ``alerting``: all records are AssumeRoot, nine of ten of a new pair, each with its root session;
* ``known``: forty rules take all records, 19 of 20 of known tuples, which were sent a short time ago (U7);
* ``exact``: the same, and the rules have ``refresh = "0s"``: each sighting is sent and decided on.

It prints microseconds of processor time per record, the median of the runs. Every run is a new worker without memory.
Under a profiler ``--runs 1`` is enough: callgrind's counts of instructions do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import rocksdict
from aiokafka.producer.message_accumulator import BatchBuilder

from bench.load import records, rules
from streams import log, pipeline
from streams.kafka.partitioner import hash_together, partition_of
from streams.sessions.joining.trace import TraceSettings
from streams.settings import Settings
from streams.settings.session_rules import load_session_rules
from streams.topics.catalogue import topic_names
from streams.worker import stages
from streams.worker.agents.geo import GeoLookup
from streams.worker.agents.sessions.trace import Indexes
from streams.worker.consumer.lease import Lease
from streams.worker.consumer.sender import Sender
from streams.worker.delivery import Message
from streams.worker.garbage import spare_what_stays
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sessions.partition import SessionPartition
from streams.worker.state.table import OpenStore, write_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.worker.outgoing import Outgoing

RULES = 40
PARTITIONS = 4
_BATCH_BYTES = 512 * 1024
_NOON = 1_772_359_200_000


class _Table:
    """A table in RocksDB, without Faust's part of it."""

    def __init__(self, folder: Path, view: type[Any]) -> None:
        self._view = view
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003  rocksdict's signature
        self._stores = [rocksdict.Rdict(str(folder / str(number)), options) for number in range(PARTITIONS)]

    def partition(self, number: int) -> Any:
        """A view for one batch."""
        return self._view(number, self._stores[number], b"offset")

    def apply(self, view: Any, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int]) -> None:
        """Write what the changelog has."""
        self._stores[view.number].write(write_batch(changes, b"offset", offsets[-1]))

    def stores(self) -> list[OpenStore]:
        """The stores."""
        return [OpenStore(number, True, store) for number, store in enumerate(self._stores)]  # noqa: FBT003  a field

    def restores(self, _number: int) -> int:
        """No recovery has written."""
        return 0

    def close(self) -> None:
        """Close the stores."""
        for store in self._stores:
            store.close()


class _Producer:
    """Builds the batches that aiokafka would send, and acknowledges them at once."""

    def __init__(self) -> None:
        self._offset = 0

    async def partitions(self, _topic: str) -> int:
        """As many for each topic."""
        return PARTITIONS

    def any_partition(self, _topic: str) -> int:
        """Always the same."""
        return 0

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        return BatchBuilder(_BATCH_BYTES, 4)

    async def send_batch(self, batch: BatchBuilder, _topic: str, _partition: int) -> Any:
        """Compress it."""
        batch.close()
        count = batch.record_count()
        batch._build()  # noqa: SLF001  as aiokafka's sender does
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(SimpleNamespace(offset=self._offset))
        self._offset += count
        return answer


class _Worker:
    """The stages of a worker, and the topics between them."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.options = Settings.model_validate({"topic_prefix": "bench", **settings})
        self.rules = self.options.load_rules()
        self.extract_settings = replace(self.options.extract_settings(), follow_sessions=True)
        self.decision_settings = self.options.decision_settings(self.rules)
        self.trace_settings = TraceSettings(load_session_rules(), self.options.session_grace)
        self.topic_names = topic_names(self.options)
        self.memory, self.sessions = _Table(folder / "m", PartitionMemory), _Table(folder / "s", SessionPartition)
        self.session_indexes = Indexes(self.sessions, self.options.session_grace)
        self.metrics, self.geo, self.lease = Metrics(), GeoLookup(()), Lease(1e9)
        self.metrics.start_taking(compiled.rule for compiled in self.rules.rules)
        self.lease.renew(self.lease.now())
        producer = _Producer()
        self._sender, self.sender = Sender(lambda: producer, self.metrics), self
        self._topics: dict[str, list[Message]] = {
            topic: [] for topic in ("source", self.topic_names.sightings, self.topic_names.sessions)
        }
        worker: Any = self
        self.agents = stages.agents(worker, NO_SKIPS)
        self.select = pipeline.compile_selector(self.rules, self.extract_settings)

    async def send_all(self, sent: Sequence[Outgoing]) -> list[int]:
        """Send, and keep what the next stages read."""
        kept = [record for record in sent if record.topic in self._topics]
        hash_together(record.key for record in kept if record.key is not None)
        for record in kept:
            self._put(record.topic, record.key, record.value)
        return await self._sender.send_all(sent)

    def _put(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        kept = self._topics[topic]
        number = 0 if key is None else partition_of(key, PARTITIONS)
        kept.append(Message(topic, number, len(kept), _NOON, key, value, time.monotonic()))

    def filtered(self, values: Sequence[bytes]) -> None:
        """Filter the source's messages."""
        for value in values:
            selected = self.select(value)
            if selected is not None:
                self._put("source", None, bytes(selected))

    async def handle(self, stage: int, size: int) -> None:
        """Handle what waits for a stage, in batches."""
        agent = self.agents[stage]
        topic = "source" if stage == 0 else agent.topics[0]
        waiting, self._topics[topic] = self._topics[topic], []
        for start in range(0, len(waiting), size):
            await agent.handle(waiting[start : start + size], lambda: True)

    def close(self) -> None:
        """Close the stores."""
        self.memory.close()
        self.sessions.close()


def _load(name: str, count: int, folder: Path) -> tuple[list[bytes], dict[str, Any]]:
    """The messages of a load, and the worker's settings."""
    if name == "alerting":
        return list(records.mixed(count, 1)), {"max_alerts": 0}
    written = rules.write(folder / name, RULES)
    if name == "exact":
        for path in written.iterdir():
            path.write_text(path.read_text() + 'refresh = "0s"\n')
    return [value for value, _ in rules.records(count, 1, RULES)], {"rules": str(written)}


def _timed(step: Callable[[], object]) -> float:
    begun = time.process_time()
    step()
    return time.process_time() - begun


def _run(folder: Path, values: Sequence[bytes], settings: Mapping[str, Any], batch: int) -> Iterator[float]:
    """The processor seconds of each step."""
    for part in ("m", "s"):
        (folder / part).mkdir(parents=True)
    worker = _Worker(folder, settings)
    spare_what_stays()
    yield _timed(lambda: worker.filtered(values))
    for stage in range(3):
        yield _timed(lambda stage=stage: asyncio.run(worker.handle(stage, batch)))  # type: ignore[misc]
    worker.close()


def main() -> None:
    """Run the loads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loads = ("alerting", "known", "exact")
    parser.add_argument("--load", choices=loads, action="append", help="which loads; all by default")
    parser.add_argument("--records", type=int, default=2_000, help="of a run")
    parser.add_argument("--batch", type=int, default=100, help="messages that a stage handles at once")
    parser.add_argument("--runs", type=int, default=5, help="the median of so many counts")
    options = parser.parse_args()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, tempfile.TemporaryDirectory() as temporary:
        log.configure("console", nowhere)
        for name in options.load or loads:
            values, settings = _load(name, options.records, Path(temporary))
            steps = [
                [*_run(Path(temporary) / f"{name}-{run}", values, settings, options.batch)]
                for run in range(options.runs)
            ]
            spent = [median(step) / len(values) * 1e6 for step in zip(*steps, strict=True)]
            words = ("filter", "sight", "detect", "trace")
            parts = "  ".join(f"{word} {each:6.1f}" for word, each in zip(words, spent, strict=True))
            sys.stdout.write(f"{name:<9} {parts}   all {sum(spent):6.1f} µs per record\n")


if __name__ == "__main__":
    main()
