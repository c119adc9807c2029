"""A stage sends, then writes its changelog, then its store; after each wait it asks whether it owns its partitions."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from streams.settings import Settings
from streams.wire.single_object import UnknownSchemaError, WireError
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.stage import Logic, Stage
from streams.worker.consumer.lease import Lease
from streams.worker.delivery import Message
from streams.worker.failure import FailedInHand
from streams.worker.monitoring.counters import Metrics
from streams.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence


class View:
    """The values that a batch has noted."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.noted: list[bytes] = []

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """One change per value."""
        return [(value, value) for value in self.noted]


class Noting(Logic[View, bytes, bytes]):
    """Sends each value and notes it; logs each step."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def read(self, value: bytes) -> bytes:
        """Refuse two values."""
        if value == b"newer":
            raise UnknownSchemaError("a newer version")
        if value == b"junk":
            raise WireError("junk")
        return value

    async def decide(self, _message: Message, item: bytes, view: View) -> tuple[bytes, list[Outgoing]]:
        """Note the value."""
        self._scene.log(f"decide {item.decode()}")
        view.noted += [] if item == b"quiet" else [item]
        self._scene.waited("decide")
        return item, [Outgoing("out", item, item)]

    def acknowledged(self, decisions: Sequence[tuple[Message, bytes, bytes]]) -> None:
        """Log them."""
        for _, _, decided in decisions:
            self._scene.log(f"acknowledged {decided.decode()}")

    def sweep(self, view: View, decided: Sequence[tuple[Message, bytes]]) -> None:
        """Note one more change."""
        self._scene.log(f"sweep {view.number} after {len(decided)}")
        if view.noted:
            view.noted.append(b"swept")

    def stored(self, view: View) -> None:
        """Log it."""
        self._scene.log(f"stored {view.number}")


class Scene:
    """A stage that loses its partitions in the wait ``during``."""

    def __init__(self, during: str = "") -> None:
        self.during = during
        self.owned = True
        self.steps: list[str] = []
        self._offset = 0
        self.lease = Lease(10.0)
        self.lease.renew(self.lease.now())

    def log(self, step: str) -> None:
        """Note a step."""
        self.steps.append(step)

    def waited(self, step: str) -> None:
        """Lose the partitions if this is the wait."""
        if step == self.during:
            self.owned = False

    async def send_all(self, records: Sequence[Outgoing]) -> list[int]:
        """Send the records."""
        sent = []
        for record in records:
            self.log(f"send {record.topic} {(record.value or b'').decode()}")
            sent.append(self._offset)
            self._offset += record.topic == "changelog"
        for topic in {record.topic for record in records}:
            self.waited(topic)
        return sent

    def partition(self, number: int) -> View:
        """A view."""
        self.log(f"view {number}")
        return View(number)

    def apply(self, view: View, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int]) -> None:
        """Write changes."""
        self.log(f"apply {view.number}: {len(changes)} at {list(offsets)}")

    def handle(self, *values: tuple[int, bytes | None], skips: Sequence[str] = ()) -> list[str]:
        """Handle a batch of values, each with its partition, and return the steps."""
        options = Settings.model_validate({"topic_prefix": "t"})
        dead_letters = DeadLetters("dead", 1_000_000, options.extract_settings(), Metrics())
        skipped, table = dead_letters.skipped, self

        async def skip(message: Any) -> Outgoing:
            letter = await skipped(message)
            self.waited("skip")
            return letter

        letters: Any = SimpleNamespace(skipped=skip, unread=dead_letters.unread)
        stage: Stage[View, bytes, bytes] = Stage(
            Noting(self), table, "changelog", _skips(skips), self.lease, self, letters
        )
        messages = [
            Message("sightings", partition, at, 0, b"k", value, 0.0) for at, (partition, value) in enumerate(values)
        ]
        asyncio.run(stage.handle(messages, lambda: self.owned))
        return self.steps


def _skips(records: Sequence[str]) -> Any:
    places = {tuple(record.split(":")) for record in records}
    return SimpleNamespace(has=lambda topic, partition, offset: (topic, str(partition), str(offset)) in places)


def test_the_steps_of_a_batch() -> None:
    """A2: decide on all, send all, then per partition the changelog, then the stores with the records' offsets."""
    assert Scene().handle((0, b"a"), (1, b"b"), (0, b"c"), (2, b"quiet")) == [
        "view 0",
        "decide a",
        "view 1",
        "decide b",
        "decide c",
        "view 2",
        "decide quiet",
        *(f"send out {value}" for value in ("a", "b", "c", "quiet")),
        *(f"acknowledged {value}" for value in ("a", "b", "c", "quiet")),
        "sweep 0 after 2",
        "sweep 1 after 1",
        "sweep 2 after 1",
        *(f"send changelog {value}" for value in ("a", "c", "swept", "b", "swept")),
        "apply 0: 3 at [0, 1, 2]",
        "stored 0",
        "apply 1: 2 at [3, 4]",
        "stored 1",
        "stored 2",
    ]


@pytest.mark.parametrize(
    ("during", "last"),
    [
        ("skip", []),
        ("decide", ["view 0", "decide a"]),
        ("out", ["send dead x", "send out a", "acknowledged a"]),
        ("changelog", ["sweep 0 after 1", "send changelog a", "send changelog swept"]),
    ],
)
def test_a_batch_whose_partitions_go_is_abandoned(during: str, last: list[str]) -> None:
    """A2: after each wait nothing more is read, sent or stored if the partitions are not owned any more."""
    steps = Scene(during).handle((0, b"x"), (0, b"a"), skips=["sightings:0:0"])
    assert steps[len(steps) - len(last) :] == last
    assert not any(step.startswith(("apply", "stored")) for step in steps)


def test_a_batch_that_goes_between_two_decisions_sends_nothing() -> None:
    """A2: the next owner decides on all of it."""
    assert Scene("decide").handle((0, b"a"), (0, b"b")) == ["view 0", "decide a"]


def test_the_lease_is_awaited_before_the_changelog() -> None:
    """A2: without a heartbeat nothing is written to the changelog; the wait ends when the partitions are gone."""
    scene = Scene()
    scene.lease = Lease(10.0)  # begins expired
    held = scene.lease.holds

    def beats() -> bool:
        scene.log("asks the lease")
        scene.owned = False
        return held()

    vars(scene.lease)["holds"] = beats
    assert scene.handle((0, b"a"))[-2:] == ["sweep 0 after 1", "asks the lease"]


def test_a_worker_that_is_stopped_while_the_changelog_answers_stores_nothing() -> None:
    """A2: after such a stop another worker may have written between, so the lease is awaited before the store too."""
    scene = Scene()

    def stop(step: str) -> None:
        if step == "changelog":
            vars(scene.lease)["holds"] = beats

    def beats() -> bool:
        scene.log("asks the lease")
        scene.owned = False
        return False

    vars(scene)["waited"] = stop
    steps = scene.handle((0, b"a"))
    assert steps[-3:] == ["send changelog a", "send changelog swept", "asks the lease"]


def test_what_is_no_item() -> None:
    """R5, A2: a tombstone has no effect, junk becomes a dead letter, and a newer version's value stops the worker."""
    assert Scene().handle((0, None)) == []
    assert Scene().handle((0, b"junk")) == ["send dead junk"]
    scene = Scene()
    with pytest.raises(FailedInHand, match="sightings:0:1"):
        scene.handle((0, b"a"), (0, b"newer"))
    assert scene.steps == ["view 0", "decide a"]
