"""A tombstone on the sightings topic stopped every worker that met it; junk kept its session token as a dead letter."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from streams.settings import Settings
from streams.topics.catalogue import topic_names
from streams.worker.agents.detect import Detect
from streams.worker.agents.skips import NO_SKIPS
from streams.worker.monitoring.counters import Metrics

if TYPE_CHECKING:
    from streams.worker.agents.sender import Outgoing


class Sent:
    """A sender that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    async def send_all(self, records: list[Outgoing]) -> list[Any]:
        """Keep the records."""
        self.records += records
        return []


def handled(value: bytes | None) -> list[Outgoing]:
    """What the detect agent sends when it meets this value on the sightings topic."""
    settings = Settings.model_validate({})
    sender = Sent()
    app = SimpleNamespace(
        options=settings,
        skips=NO_SKIPS,
        topic_names=topic_names(settings),
        metrics=Metrics(),
        sender=sender,
        extract_settings=settings.extract_settings(),
        decision_settings=settings.decision_settings(settings.load_rule()),
    )
    message = SimpleNamespace(topic="t", partition=0, offset=0, timestamp=0.0, key=None, value=value)
    asyncio.run(Detect(app).handle([SimpleNamespace(message=message)], lambda: True))
    return sender.records


def test_tombstone() -> None:
    """R5: a tombstone among the sightings is nothing at all."""
    assert handled(None) == []


def test_token() -> None:
    """T7: what is no sighting goes to the dead letters without its session token."""
    (letter,) = handled(b'{"sessionToken": "FwoGZXIvYXdz"}')
    assert letter.value == b'{"sessionToken":"REDACTED"}'
    assert ("redacted", b"true") in letter.headers
