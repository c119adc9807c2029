"""Makes dead letters of what cannot be handled; counts and logs each.

A dead letter has the original key, the redacted content, and headers that give the reason (P5).
A record that an operator skips (``--skip``) has stopped or killed a worker. Its session tokens must still be removed
(T7), so another process removes them. If that fails, the dead letter has no value, and its ``error`` says so. The
original record stays in its topic.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from streams import pipeline
from streams.pipeline import Rejected
from streams.worker.agents.redact_subprocess import redact_in_subprocess
from streams.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from streams.extraction.sighting import Origin
    from streams.worker.delivery import Message
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)

SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Makes dead letters.

    Attributes:
        topic: the dead-letter topic.
        largest: how many bytes key and value of a record may have.
        extract_settings: ``max_message_size`` limits the size of what is redacted.
        metrics: counts dead letters by reason.
    """

    topic: str
    largest: int
    extract_settings: pipeline.ExtractSettings
    metrics: Metrics

    def rejected(self, message: Message, rejected: Rejected) -> Outgoing:
        """Count and log a part of a message that the pipeline has rejected, and return its dead letter."""
        origin = message.origin
        self._note(rejected, origin)
        return compose(self.topic, message.key, rejected, origin, self.largest)

    def unread(self, message: Message, reason: str, error: str) -> Outgoing:
        """Count and log a whole message that cannot be handled, and return its dead letter."""
        return self.rejected(message, pipeline.reject(message.value or b"", reason, error, self.extract_settings))

    async def skipped(self, message: Message) -> Outgoing:
        """Count and log a record that an operator has skipped, and return its dead letter."""
        content = None
        error = "an operator had it skipped (--skip); it was not read"
        if message.value is not None:
            limit = self.extract_settings.max_message_size
            content = await asyncio.to_thread(redact_in_subprocess, message.value, limit)
            if content is None:
                error += ", and its value is left out: taking session tokens out of it failed"
        letter = self.rejected(message, Rejected(SKIPPED, error, None, *(content or (b"", False))))
        return letter if content else replace(letter, value=None)

    def _note(self, rejected: Rejected, origin: Origin) -> None:
        self.metrics.dead_letters.labels(rejected.reason).inc()
        log.warning(
            "dead_letter",
            reason=rejected.reason,
            error=rejected.error,
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            element=rejected.element,
        )


def compose(topic: str, key: bytes | None, rejected: Rejected, origin: Origin, largest: int) -> Outgoing:
    """Return the record for the dead-letter ``topic``: the original key, the redacted content, headers with the reason.

    Key and content may have ``largest`` bytes. Larger content is cut, and the header ``truncated`` has its full length.
    """
    headers = [
        ("reason", rejected.reason.encode()),
        ("error", rejected.error.encode()),
        ("topic", origin.topic.encode()),
        ("partition", str(origin.partition).encode()),
        ("offset", str(origin.offset).encode()),
    ]
    if rejected.element is not None:
        headers.append(("element", str(rejected.element).encode()))
    if rejected.redacted:
        headers.append(("redacted", b"true"))
    content = rejected.content
    limit = max(0, largest - len(key or b""))
    if len(content) > limit:
        headers.append(("truncated", str(len(content)).encode()))
        content = content[:limit]
    return Outgoing(topic, key, content, tuple(headers))
