"""Says until when this worker surely holds its partitions, by the last heartbeat of the consumer group.

A worker that was stopped for longer than its session (SIGSTOP, a frozen machine, a starved container) goes on where it
was. Only its next heartbeat tells it that other workers have its partitions. What it writes to the changelog until then
comes after the recovery of the next owner. So a worker writes only within the session that its last heartbeat began,
counted from the time when the heartbeat was sent. The clock is the monotonic one, which runs while a process is
stopped.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK_SECONDS = 0.05


class Lease:
    """Begins expired. The consumer's thread renews it, the event loop's thread asks it."""

    def __init__(self, session_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session_seconds
        self._clock = clock
        self._until = -math.inf

    def now(self) -> float:
        """The time by this lease's clock, for ``renew``."""
        return self._clock()

    def renew(self, since: float) -> None:
        """Note that the group heard from this worker at ``since`` or later, by this lease's clock."""
        self._until = since + self._session

    def holds(self) -> bool:
        """Whether this worker surely still holds its partitions."""
        return self._clock() < self._until

    async def wait_until_held(self, owned: Callable[[], bool]) -> bool:
        """Wait until the lease holds; false as soon as ``owned`` says that the partitions are given up."""
        while owned():
            if self.holds():
                return True
            await asyncio.sleep(_TICK_SECONDS)
        return False


def renew_with_heartbeats(consumer: Any, lease: Lease) -> None:
    """Make a started ``AIOKafkaConsumer`` renew the lease at each heartbeat and each time it joins its group."""
    coordinator = consumer._coordinator  # noqa: SLF001  aiokafka has no hook here
    beat, join = coordinator._do_heartbeat, coordinator._do_rejoin_group  # noqa: SLF001

    async def beat_and_renew() -> bool:
        since = lease.now()
        heard: bool = await beat()
        if heard:
            lease.renew(since)
        return heard

    async def join_and_renew(subscription: Any) -> bool:
        # Joining waits for all other members, so the session begins with the answer.
        joined: bool = await join(subscription)
        if joined:
            lease.renew(lease.now())
        return joined

    coordinator._do_heartbeat, coordinator._do_rejoin_group = beat_and_renew, join_and_renew  # noqa: SLF001
