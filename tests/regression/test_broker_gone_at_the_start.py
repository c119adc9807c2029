"""A broker went between the worker's checks and the start of its Kafka clients: the worker ended instead of waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaConnectionError

from streams.worker import bootstrap

if TYPE_CHECKING:
    import pytest


class Client:
    """As much of aiokafka's client as its start uses; no broker answers the first times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.connected = False

    async def bootstrap(self) -> None:
        """Connect."""
        if self.refusals:
            self.refusals -= 1
            raise KafkaConnectionError("Unable to bootstrap")
        self.connected = True


def test_clients_wait_for_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that meets no broker at its start tries again until there is one."""
    monkeypatch.setattr(bootstrap, "FIRST_WAIT_SECONDS", 0)
    client = Client(refusals=3)
    bootstrap.wait_for_broker(client)
    asyncio.run(client.bootstrap())
    assert client.connected
