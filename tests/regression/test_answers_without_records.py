"""If nothing matches and answers keep coming, a fetch would go on for ever, and nothing would be committed.

aiokafka waits for a record, and starts its timeout again after each answer without a record. Before positions were
handed over separately, one record of each answer was kept to prevent this.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.fetch.fetch_thread import FetchThread

if TYPE_CHECKING:
    import pytest

SOURCE = TP("cloudtrail", 0)


class Fetching(FetchThread):
    """The consumer's thread while answers without records come without pause; each moves the position by one."""

    def __init__(self) -> None:
        """Only what that needs."""
        self.answers = 0

        def state(_tp: TP) -> SimpleNamespace:
            return SimpleNamespace(has_valid_position=True, position=self.answers)

        assignment = SimpleNamespace(tps=[SOURCE], state_value=state)
        subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
        self.consumer = SimpleNamespace(revocations=0, flow_active=True)
        self.app = SimpleNamespace(
            fetch_filter=SimpleNamespace(source_topics=frozenset([SOURCE.topic])),
            last_poll=0.0,
            topic_names=SimpleNamespace(changelogs={"memory": "changelog"}),
        )
        self._consumer = SimpleNamespace(
            _subscription=subscription, _fetcher=SimpleNamespace(_create_fetch_waiter=self._answer)
        )

    def _answer(self) -> asyncio.Future[None]:
        self.answers += 1
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answered.set_result(None)
        return answered


def test_a_fetch_ends_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetch ends after its time, with the position after the dropped records."""

    async def nothing(*_args: Any, **_options: Any) -> Any:
        await asyncio.sleep(0)
        return {}

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", nothing)
    monkeypatch.setattr(fetch_thread, "raise_background_failure", lambda _consumer: None)
    thread = Fetching()
    fetching = thread._fetch_records(thread._consumer, {SOURCE}, timeout=0.05, max_records=9)  # noqa: SLF001  Faust's hook
    fetched = asyncio.run(fetching)
    assert (fetched, fetched.positions) == ({}, {SOURCE: thread.answers})
    assert thread.answers > 1
