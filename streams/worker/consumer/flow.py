"""Faust's flow control, which stops and resumes the agents' queues in a rebalance.

Resuming it empties no queue. Faust's own does, after it has begun to fetch: what it throws away is read again only
after the next rebalance, and a standby's table would miss it for good.
"""

from __future__ import annotations

from mode.utils.queues import FlowControlEvent


class FlowControl(FlowControlEvent):  # type: ignore[misc]
    """Faust's flow control; resuming it leaves the queues as they are."""

    def resume(self) -> None:
        """Let the queues be filled again."""
        self._suspend.clear()
        self._resume.set()
