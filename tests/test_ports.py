"""The properties of a held port that the broker tests rely on."""

from __future__ import annotations

import errno
import socket

import pytest
from ports import held_port


def test_a_held_port_is_its_servers_alone() -> None:
    """Nothing answers on a held port and no other process gets it; a server that reuses addresses does, repeatedly."""
    with held_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with socket.socket() as other, pytest.raises(OSError, match="in use") as refused:
            other.bind(("127.0.0.1", port))
        assert refused.value.errno == errno.EADDRINUSE
        for _ in range(2):
            with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
                pass


def test_held_ports_differ() -> None:
    """Two held ports are different."""
    with held_port() as one, held_port() as another:
        assert one != another
