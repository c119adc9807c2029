"""A batch that waited for a registry kept its partition's store open across rebalances, and wrote to it afterwards.

The old handle held RocksDB's lock, so the partition could not be opened when it came back. And changes that were
acknowledged after the partition was given up were written after a gap.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.types import TP
from memory_store import Store
from rocksdict import DbClosedError
from sightings import NOON, RULES, nothing_known, settings_of_rules, sighting

from streams.detection.decision import FORGET_AFTER
from streams.pipeline import ExtractSettings
from streams.settings import Settings
from streams.topics.catalogue import topic_names
from streams.wire import sighting as codec
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.detect import Detection
from streams.worker.agents.geo import GeoLookup
from streams.worker.agents.stage import Stage
from streams.worker.app import create_app
from streams.worker.consumer.lease import Lease
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting
from streams.worker.state.table import ChangelogError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.worker.outgoing import Outgoing

CHANGELOG = "rootwatch-memory-changelog"
# What a batch of two new pairs sends: for each its alert and its grant.
SENT = ["rootwatch.alerts", "rootwatch.sessions"] * 2


class Closed(Store):
    """A store that was closed: touching it fails the test."""

    def get(self, key: bytes) -> bytes | None:
        """Fail."""
        raise AssertionError(f"read after the partition had gone: {key!r}")

    def items(self, *, from_key: bytes) -> Any:
        """Fail."""
        raise AssertionError(f"listed after the partition had gone, from {from_key!r}")

    def iter(self) -> Any:
        """Fail."""
        raise AssertionError("listed after the partition had gone")


@dataclass
class Scene:
    """The detect agent's app, which loses its partitions in the step ``during``: ``encode``, or a send to a topic."""

    during: str = ""
    owned: bool = True
    sent: list[str] = field(default_factory=list)
    applied: list[Sequence[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = topic_names(Settings())
        self.metrics = Metrics()
        self.memory_of_batch = PartitionMemory(0, Store(), b"offset")
        self.lease = Lease(10.0)
        self.lease.renew(self.lease.now())

    def pass_by(self, step: str) -> None:
        """Lose the partitions if this is the step."""
        if step == self.during:
            self.owned = False
            vars(self.memory_of_batch)["store"] = Closed()

    async def encode(self, *_alert: object) -> bytes:
        """Encode an alert, as with a registry that answers again."""
        self.pass_by("encode")
        return b""

    async def send_all(self, records: Sequence[Outgoing]) -> list[int]:
        """Send the records and return their offsets."""
        for record in records:
            self.pass_by(record.topic)
        self.sent += [record.topic for record in records]
        return list(range(len(records)))

    def run(self, sightings: int = 2) -> None:
        """Handle a batch of so many new pairs to its end."""
        memory: Any = SimpleNamespace(
            partition=lambda _number: self.memory_of_batch,
            apply=lambda _partition, _changes, offsets: self.applied.append(offsets),
        )
        encoder: Any = SimpleNamespace(encode_alert=self.encode)
        sender: Any = SimpleNamespace(send_all=self.send_all)
        dead_letters = DeadLetters(self.names.dead_letter, 1_000_000, ExtractSettings(), self.metrics)
        detection = Detection(
            forgetting=Forgetting(RULES, settings_of_rules(), FORGET_AFTER),
            view_of=nothing_known,
            topics=self.names,
            largest=1_000_000,
            encoder=encoder,
            geo=GeoLookup(()),
            dead_letters=dead_letters,
            metrics=self.metrics,
        )
        detect = Stage(detection, memory, self.names.changelog, NO_SKIPS, self.lease, sender, dead_letters)
        messages = [
            Message(self.names.sightings, 0, number, NOON, None, codec.encode(sighting(account=f"{number:012d}")), 0.0)
            for number in range(sightings)
        ]
        asyncio.run(detect.handle(messages, lambda: self.owned))


class Expired(Lease):
    """The lease of a worker that was stopped; its next heartbeat says that other workers have its partitions."""

    def __init__(self, scene: Scene) -> None:
        """The lease in this scene."""
        super().__init__(10.0)
        self._scene = scene

    def holds(self) -> bool:
        """False; the next heartbeat is answered."""
        self._scene.owned = False
        return False


def test_a_batch_in_peace_is_sent_and_stored() -> None:
    """A2, S3: alerts and grants are sent first, then the changelog, then the store gets the offset of each record."""
    scene = Scene()
    scene.run()
    assert scene.sent == SENT + [CHANGELOG] * 5
    assert scene.applied == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("during", "sent"),
    [
        ("encode", []),
        ("rootwatch.alerts", SENT),
        ("rootwatch.sessions", SENT),
        (CHANGELOG, SENT + [CHANGELOG] * 5),
    ],
)
def test_a_batch_whose_partitions_go_is_left_at_that(during: str, sent: list[str]) -> None:
    """A2: if the partitions are lost during any wait, nothing more is sent, and the store is not written."""
    scene = Scene(during)
    scene.run()
    assert (scene.sent, scene.applied) == (sent, [])


def test_nothing_is_written_by_a_worker_that_the_group_may_have_given_up() -> None:
    """A2: a worker that was stopped for longer than its session sends no changes before its next heartbeat.

    If other workers have its partitions by then, it sends nothing at all.
    """
    scene = Scene()
    scene.lease = Expired(scene)
    scene.run()
    assert (scene.sent, scene.applied) == (SENT, [])


def test_what_is_not_stored_is_not_counted_as_forgotten() -> None:
    """The metric counts only stored deletions, not those of a batch that lost its partitions."""
    scene = Scene(CHANGELOG)
    scene.memory_of_batch.forget(b"old")
    scene.run()
    assert scene.metrics.registry.get_sample_value("rootwatch_forgotten_total") == 0
    scene = Scene()
    scene.memory_of_batch.forget(b"old")
    scene.run()
    assert scene.metrics.registry.get_sample_value("rootwatch_forgotten_total") == 1


def test_a_store_is_closed_when_its_partition_goes(tmp_path: Path) -> None:
    """A partition that comes back can be opened although a batch still refers to its old store, which is closed."""
    app = create_app(Settings(state_dir=tmp_path))
    app.conf.tabledir.mkdir(parents=True)
    held = app.memory.partition(0)
    held.store.put(b"key", b"value")
    app.memory.data.revoke_partitions(app.memory, {TP(CHANGELOG, 0)})
    again = app.memory.partition(0)
    assert again.store.get(b"key") == b"value"
    with pytest.raises(DbClosedError):
        held.store.put(b"key", b"late")
    again.store.close()


@pytest.mark.parametrize("offsets", [[8, 9], [5, 7], [0, 1], [-1, -1]])
def test_the_store_passes_over_nothing(tmp_path: Path, offsets: list[int]) -> None:
    """A2: foreign changes in the changelog, or a recreated changelog, stop the worker, and nothing is stored."""
    app = create_app(Settings(state_dir=tmp_path))
    app.conf.tabledir.mkdir(parents=True)
    app.tables.recovery.active_offsets[TP(CHANGELOG, 0)] = 4
    partition = app.memory.partition(0)
    changes: list[tuple[bytes, bytes | None]] = [(b"one", b"1"), (b"two", b"2")]
    with pytest.raises(
        ChangelogError, match=f"partition 0: the store was whole up to offset 4, .* lie at {offsets[0]}"
    ):
        app.memory.apply(partition, changes, offsets)
    assert partition.store.get(b"one") is None
    app.memory.apply(partition, changes, [5, 6])
    app.memory.apply(partition, changes, [7, 8])
    assert app.memory.persisted_offset(TP(CHANGELOG, 0)) == 8
    partition.store.close()
