"""A worker that had lost its membership of the consumer group, or its fetcher, went on: idle, healthy and silent.

aiokafka keeps the error that ends the membership (a withdrawn right on the group, an unknown answer to a heartbeat) for
the next call of ``getmany``, and sends no heartbeat until then. An error that ends its fetcher it reports nowhere.
Faust does not call ``getmany``.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from streams.worker.consumer.fetch.fetch_thread import FetchThread, raise_background_failure


def test_what_ends_the_membership_is_raised() -> None:
    """A fetch raises the error that aiokafka's coordinator keeps, before it takes any record."""

    def check_errors() -> None:
        raise GroupAuthorizationFailedError("rootwatch")

    thread: Any = FetchThread.__new__(FetchThread)
    vars(thread).update(consumer=SimpleNamespace(revocations=0))
    consumer = SimpleNamespace(_coordinator=SimpleNamespace(check_errors=check_errors))
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(thread._fetch_records(consumer, None))  # noqa: SLF001  Faust's hook


@pytest.mark.parametrize("ended", [True, False])
def test_what_ends_the_fetcher_is_raised(*, ended: bool) -> None:
    """A fetch raises the error that ended aiokafka's fetcher; cancelling the fetcher, at a shutdown, is no failure."""

    async def scene() -> None:
        fetching: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        coordinator = SimpleNamespace(check_errors=lambda: None)
        consumer = SimpleNamespace(_coordinator=coordinator, _fetcher=SimpleNamespace(error_future=fetching))
        raise_background_failure(consumer)
        if ended:
            fetching.set_exception(KafkaError("Unexpected error during data retrieval"))
        else:
            fetching.cancel()
        with pytest.raises(KafkaError) if ended else nullcontext():
            raise_background_failure(consumer)

    asyncio.run(scene())
