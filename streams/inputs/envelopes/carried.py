"""The content of any envelope: text, an object, or base64 (R8).

Rules:
- The content is read as a message again. It is CloudTrail as a whole or not at all: no record is searched for (R2).
- At most ``MOST_ENVELOPES`` envelopes are around a message.
- A null or empty value is an envelope without content, as for a tombstone (R5).
"""

from __future__ import annotations

import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Item, ReadContext

MOST_ENVELOPES = 3

BASE64_KEYS = frozenset({"payload", "data", "Data", "data_base64", "value", "bytesValue"})
"""The keys under which base64 is read, at any depth; ``awslogs`` holds its own under ``data``.

Forwarders write base64 of the standard alphabet, padded, on one line. In JSON a writer may escape its ``/`` as ``\\/``,
and any character as ``\\u00XX``. The decoded bytes are a message: they may be compressed, start with a byte order mark,
or be another envelope. A record that names its event has more than 40 characters in base64.
"""


def read(value: Any, context: ReadContext, element: Any, *, base64: bool = False) -> Iterator[Item]:
    """Read the content of an envelope.

    Args:
        value: the content.
        context: the context of the envelope.
        element: the element that a dead letter shows if the value cannot be read at all.
        base64: whether text may be base64, see ``BASE64_KEYS``.
    """
    if context.envelopes == MOST_ENVELOPES:
        yield context.unknown(f"in more than {MOST_ENVELOPES} envelopes", element)
        return
    inner = replace(context, envelopes=context.envelopes + 1)
    match value:
        case None:
            yield context.passed_over("an envelope without content")
        case str() if base64 and (content := decode(value)) is not None:
            yield from inner.message(content)
        case str():
            yield from inner.text(value)
        case dict() | list():
            yield from inner.document(value)
        case _:
            yield context.unknown("an envelope that carries neither text nor an object", element)


def decode(text: str) -> bytes | None:
    """Decode base64 of the standard alphabet with padding; ``None`` if the text is something else."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
