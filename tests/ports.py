"""Ports of the loopback address that a test reserves until it releases them.

A port that was only found free may be taken a moment later, by another test run or by any outgoing connection. A port
that is bound without listening stays reserved: Linux assigns it to no process that asks for any port, refuses another
bind, and refuses connections to it. Only a process with ``SO_REUSEADDR`` may bind it too, and listen. Servers set that
option (Java's, asyncio's), so the intended server gets the port, as often as it is started.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class HeldPort:
    """A port that is reserved until ``release``; ``number`` is its number."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        # Only after the bind: two holders with this option set before could get the same port.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Release the port; no error if it was released before."""
        self._socket.close()


@contextmanager
def held_port() -> Iterator[int]:
    """The number of a port that is reserved inside; only what the test starts can listen there."""
    port = HeldPort()
    try:
        yield port.number
    finally:
        port.release()
