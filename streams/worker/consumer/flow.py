"""Faust's flow control, which stops and resumes the agents' queues in a rebalance.

Here, resuming does not clear the queues. Faust's own clears them after it has begun to fetch: the cleared records are
read again only after the next rebalance, and in a standby's table they would be missing for good.
"""

from __future__ import annotations

from mode.utils.queues import FlowControlEvent


class FlowControl(FlowControlEvent):  # type: ignore[misc]
    """Faust's flow control; resuming does not clear the queues."""

    def resume(self) -> None:
        """Let the queues be filled again."""
        self._suspend.clear()
        self._resume.set()
