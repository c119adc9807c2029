"""A tombstone on the sightings topic stopped every worker that read it; dead letters of junk kept a session token."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sightings import RULES, nothing_known, settings_of_rules

from streams.settings import Settings
from streams.topics.catalogue import topic_names
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.detect import Detection
from streams.worker.agents.stage import Stage
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS
from streams.worker.state.sweep import Forgetting

if TYPE_CHECKING:
    from streams.worker.outgoing import Outgoing


class Sent:
    """A sender that keeps the records."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    async def send_all(self, records: list[Outgoing]) -> list[int]:
        """Keep the records."""
        self.records += records
        return []


def handled(value: bytes | None) -> list[Outgoing]:
    """The records that the detect agent sends for this value on the sightings topic."""
    settings = Settings.model_validate({})
    sender = Sent()
    topics, metrics = topic_names(settings), Metrics()
    unused: Any = None
    dead_letters = DeadLetters(topics.dead_letter, 1_000_000, settings.extract_settings(), metrics)
    detection = Detection(
        forgetting=Forgetting(RULES, settings_of_rules(), settings.forget_after),
        view_of=nothing_known,
        topics=topics,
        largest=1_000_000,
        encoder=unused,
        geo=unused,
        dead_letters=dead_letters,
        metrics=metrics,
    )
    detect = Stage(detection, unused, topics.changelog, NO_SKIPS, unused, sender, dead_letters)
    asyncio.run(detect.handle([Message("t", 0, 0, 0, None, value, 0.0)], lambda: True))
    return sender.records


def test_tombstone() -> None:
    """R5: a tombstone among the sightings has no effect."""
    assert handled(None) == []


def test_token() -> None:
    """T7: a value that is no sighting becomes a dead letter without its session token."""
    (letter,) = handled(b'{"sessionToken": "FwoGZXIvYXdz"}')
    assert letter.value == b'{"sessionToken":"REDACTED"}'
    assert ("redacted", b"true") in letter.headers
