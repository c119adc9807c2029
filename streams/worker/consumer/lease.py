"""Until when this worker surely holds its partitions: what a heartbeat of the consumer group has promised last.

A worker that stood still for longer than its session (SIGSTOP, a frozen machine, a starved container) goes on where it
was and only hears with its next heartbeat that others have its partitions. What it writes to the changelog until then
follows the recovery of the next owner. So it writes only within the session that its last heartbeat began, counted from
when that was sent. The clock is the monotonic one, which goes on while a process is stopped.
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
    """Begins expired; renewed in the consumer's thread, asked in the event loop's."""

    def __init__(self, session_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session_seconds
        self._clock = clock
        self._until = -math.inf

    def now(self) -> float:
        """The clock's time, for ``renew``."""
        return self._clock()

    def renew(self, since: float) -> None:
        """Note that the group has heard of this worker at ``since`` or later, by this clock."""
        self._until = since + self._session

    def holds(self) -> bool:
        """Whether the group cannot have given the partitions to others yet."""
        return self._clock() < self._until

    async def held(self, owned: Callable[[], bool]) -> bool:
        """Wait until the lease holds; false as soon as the partitions are known to be given up."""
        while owned():
            if self.holds():
                return True
            await asyncio.sleep(_TICK_SECONDS)
        return False


def renew_with_heartbeats(consumer: Any, lease: Lease) -> None:
    """Have a started ``AIOKafkaConsumer`` renew the lease with each heartbeat and each time it joins its group."""
    coordinator = consumer._coordinator  # noqa: SLF001  aiokafka has no hook here
    beat, join = coordinator._do_heartbeat, coordinator._do_rejoin_group  # noqa: SLF001

    async def beat_and_renew() -> bool:
        since = lease.now()
        heard: bool = await beat()
        if heard:
            lease.renew(since)
        return heard

    async def join_and_renew(subscription: Any) -> bool:
        # Joining waits for all others, so it is the answer that begins a session.
        joined: bool = await join(subscription)
        if joined:
            lease.renew(lease.now())
        return joined

    coordinator._do_heartbeat, coordinator._do_rejoin_group = beat_and_renew, join_and_renew  # noqa: SLF001
