"""What cannot be handled, with its reason, as a record for the dead-letter topic (P5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.worker.agents.sender import Outgoing

if TYPE_CHECKING:
    from streams.extraction.sighting import Origin
    from streams.pipeline import Rejected


def dead_letter(topic: str, key: bytes | None, rejected: Rejected, origin: Origin, room: int) -> Outgoing:
    """Return the record for the dead-letter ``topic``: the original key, the redacted content, headers that say why.

    Key and content may take ``room`` bytes: a larger content is cut, and its full length kept in the header
    ``truncated``.
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
    room = max(0, room - len(key or b""))
    if len(content) > room:
        headers.append(("truncated", str(len(content)).encode()))
        content = content[:room]
    return Outgoing(topic, key, content, tuple(headers))
