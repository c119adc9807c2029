"""The dead letter of a record that an operator has skipped (``--skip``).

The record's value is what stopped or killed the worker, and must still lose its session tokens (T7). So another process
takes them out. If that fails, the dead letter carries no value and says so; the record itself is where it was.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from streams.pipeline import Rejected
from streams.worker.agents.dead_letter import dead_letter
from streams.worker.agents.redact_apart import redact_apart
from streams.worker.agents.sender import record_room

if TYPE_CHECKING:
    from streams.extraction.sighting import Origin
    from streams.worker.agents.sender import Outgoing

log = structlog.get_logger(__name__)

REASON = "skipped"


async def skipped_letter(app: Any, message: Any, origin: Origin) -> Outgoing:
    """Count and log a skipped record, and return its dead letter."""
    apart = None
    error = "an operator had it skipped (--skip); it was not read"
    if message.value is not None:
        apart = await asyncio.to_thread(redact_apart, message.value, app.extract_settings.max_message_size)
        if apart is None:
            error += ", and its value is left out: taking session tokens out of it failed"
    app.metrics.dead_letters.labels(REASON).inc()
    log.warning(
        "dead_letter",
        reason=REASON,
        error=error,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
    )
    content, redacted = apart or (b"", False)
    rejected = Rejected(REASON, error, None, content, redacted)
    letter = dead_letter(app.topic_names.dead_letter, message.key, rejected, origin, record_room(app.options))
    return letter if apart else replace(letter, value=None)
