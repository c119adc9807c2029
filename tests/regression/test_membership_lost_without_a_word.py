"""A worker that had lost its place in the consumer group went on, idle or as one too many, and said nothing.

aiokafka keeps the error that ends the membership (a right on the group that is withdrawn, a heartbeat answered in an
unknown way) for whoever calls ``getmany`` next, and sends no heartbeat until then. Faust takes records past that call.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError

from streams.worker.transport import FilteringThread


def test_what_ends_the_membership_is_raised() -> None:
    """A fetch raises what aiokafka's coordinator keeps for it, before it takes any record."""

    def check_errors() -> None:
        raise GroupAuthorizationFailedError("rootwatch")

    thread: Any = FilteringThread.__new__(FilteringThread)
    vars(thread).update(consumer=SimpleNamespace(revocations=0))
    consumer = SimpleNamespace(_coordinator=SimpleNamespace(check_errors=check_errors))
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(thread._fetch_records(consumer, None))  # noqa: SLF001  Faust's hook
