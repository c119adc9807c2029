"""Ports of the loopback address that are a test's own from the moment they are chosen until it lets them go.

A port that was merely found free may be anybody's a moment later: another test run's, or that of any outgoing
connection. One that is bound, without listening, is not: Linux gives it to nobody who asks for any port, refuses it to
whoever binds it for itself, and refuses connections to it. Only who sets ``SO_REUSEADDR`` may bind it beside the holder
and listen; servers do (Java's, asyncio's), so the process for which it is held gets it, as often as it is started.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class HeldPort:
    """A port that is held until ``release``; ``number`` is its number."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        # Only now: two holders that both had it set before would be given the same port.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Let it go; no error if it was let go before."""
        self._socket.close()


@contextmanager
def held_port() -> Iterator[int]:
    """The number of a port that is held inside; nothing listens there but what the test starts."""
    port = HeldPort()
    try:
        yield port.number
    finally:
        port.release()
