"""A lease says until when a worker surely holds its partitions."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streams.worker.consumer.lease import Lease, renew_with_heartbeats


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.mark.parametrize("answers", [[True], [False], [True, False], [False, True]])
def test_a_heartbeat_counts_from_when_it_was_sent(answers: list[bool]) -> None:
    """A lease counts from when a heartbeat was sent: the group counts from its arrival, which is later."""
    clock = Clock()
    lease = Lease(10.0, clock)

    async def beat() -> bool:
        clock.now += 9  # it is on its way, or the worker is stopped meanwhile
        return answers[beats]

    coordinator = SimpleNamespace(_do_heartbeat=beat, _do_rejoin_group=None)
    renew_with_heartbeats(SimpleNamespace(_coordinator=coordinator), lease)
    assert not lease.holds()
    for beats in range(len(answers)):
        asyncio.run(coordinator._do_heartbeat())  # noqa: SLF001  aiokafka's hook
        assert lease.holds() == answers[beats]
    clock.now += 1
    assert not lease.holds()


@pytest.mark.parametrize("joined", [True, False])
def test_joining_begins_a_session(*, joined: bool) -> None:
    """A worker that has just joined holds its partitions for a session, however long the other members took."""
    clock = Clock()
    lease = Lease(10.0, clock)

    async def join(_subscription: object) -> bool:
        clock.now += 60
        return joined

    coordinator = SimpleNamespace(_do_heartbeat=None, _do_rejoin_group=join)
    renew_with_heartbeats(SimpleNamespace(_coordinator=coordinator), lease)
    asyncio.run(coordinator._do_rejoin_group(None))  # noqa: SLF001  aiokafka's hook
    assert lease.holds() == joined


def test_waiting_for_it_ends_with_the_next_heartbeat() -> None:
    """A worker that still owns its partitions waits, and goes on after its next heartbeat."""

    async def scene() -> bool:
        lease = Lease(10.0)
        waiting = asyncio.ensure_future(lease.wait_until_held(lambda: True))
        await asyncio.sleep(0)
        assert not waiting.done()
        lease.renew(lease.now())
        return await waiting

    assert asyncio.run(scene())
