"""A failed worker never ended, because its last commit waited for the consumer's thread, which had already ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faust.transport.drivers import aiokafka as driver

from streams.worker.consumer.consumer import Consumer

if TYPE_CHECKING:
    import pytest


class Crashed(Consumer):
    """A consumer whose worker has failed."""

    def __init__(self) -> None:
        """Nothing else of a consumer is needed."""
        self._crashed = asyncio.Event()
        self._crashed.set()


def test_nothing_is_asked_of_a_thread_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: after a crash nothing is committed, and nothing waits for the consumer's thread."""

    async def never(*_args: Any, **_kwargs: Any) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(driver.Consumer, "commit", never)

    async def commit() -> bool:
        return await asyncio.wait_for(Crashed().commit(), 60)

    assert asyncio.run(commit()) is False
