"""Far behind the end of a source topic, a fetch gathers records; elsewhere it hands them over at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.fetch.fetch_thread import FAR_BEHIND, GATHER_BYTES, GATHER_RECORDS, FetchThread

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE, OTHER = TP("cloudtrail", 0), TP("sightings", 1)
END = 10**6
Response = dict[TP, list[Any]]


def record(offset: int, size: int = 1) -> Any:
    """A record with a value of so many bytes; a tombstone if there are none."""
    return SimpleNamespace(offset=offset, value=bytes(size) or None)


class Fetching(FetchThread):
    """The consumer's thread; each of its positions is past the records that were read of these responses."""

    def __init__(self, responses: Sequence[Response], left: int, lso: int | None = None) -> None:
        """So many offsets of the source partition are left to read after each of the responses."""
        self.responses = list(responses)
        self.read = SimpleNamespace(has_valid_position=True, position=END - left, highwater=END, lso=lso)
        assignment = SimpleNamespace(tps=[SOURCE, OTHER], state_value=lambda _tp: self.read)
        self.consumer = SimpleNamespace(revocations=0, flow_active=True)
        self.app = SimpleNamespace(fetch_filter=SimpleNamespace(source_topics=frozenset([SOURCE.topic])))
        self._consumer = SimpleNamespace(
            _subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)),
            _fetcher=SimpleNamespace(_create_fetch_waiter=self._answer),
        )

    def _answer(self) -> asyncio.Future[None]:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.responses:
            answered.set_result(None)
        return answered


def fetched(monkeypatch: pytest.MonkeyPatch, thread: Fetching, seconds: float = 600) -> Response:
    """What one fetch hands over; gathering takes so many seconds at most."""

    async def next_response(*_args: Any, **_options: Any) -> Response:
        return thread.responses.pop(0) if thread.responses else {}

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", next_response)
    monkeypatch.setattr(fetch_thread, "GATHER_SECONDS", seconds)
    got: Response = asyncio.run(thread._records(thread._consumer, {SOURCE}, timeout=600))  # noqa: SLF001  what Faust's hook calls
    return got


FEW = [record(1), record(5, 0)]
MANY = [record(offset) for offset in range(6, 6 + GATHER_RECORDS)]


@pytest.mark.parametrize(
    ("left", "lso", "first", "gathers"),
    [
        pytest.param(FAR_BEHIND, None, FEW, True, id="far behind"),
        pytest.param(FAR_BEHIND, END, FEW, True, id="far behind, without open transactions"),
        pytest.param(FAR_BEHIND - 1, None, FEW, False, id="near the end"),
        pytest.param(FAR_BEHIND, END - FAR_BEHIND, FEW, False, id="near the first open transaction"),
        pytest.param(FAR_BEHIND, None, [record(1, GATHER_BYTES)], False, id="much"),
        pytest.param(FAR_BEHIND, None, MANY, False, id="many"),
    ],
)
def test_what_is_gathered(
    monkeypatch: pytest.MonkeyPatch, left: int, lso: int | None, first: list[Any], *, gathers: bool
) -> None:
    """Few small records wait for those of later responses while much is left to read, in the order of their offsets."""
    thread = Fetching([{SOURCE: first}, {}, {OTHER: [record(9)]}, {SOURCE: [*MANY, record(900)]}], left, lso)
    everything = {SOURCE: [*first, *MANY, record(900)], OTHER: [record(9)]}
    assert fetched(monkeypatch, thread) == (everything if gathers else {SOURCE: first})


def test_the_end_of_the_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was gathered is handed over after its time, even if nothing more comes."""
    assert fetched(monkeypatch, Fetching([{SOURCE: FEW}], FAR_BEHIND), seconds=0.01) == {SOURCE: FEW}


def test_partitions_that_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is gathered once the flow stops: a rebalance waits for the fetch."""
    thread = Fetching([{SOURCE: FEW}, {SOURCE: MANY}], FAR_BEHIND)
    thread.consumer.flow_active = False
    assert fetched(monkeypatch, thread) == {SOURCE: FEW}
