"""What the first and last bytes of a text tell, without parsing all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.content import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLANKS = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_LINES_LOOKED_AT = 2


def begins_with_a_line(pieces: Sequence[bytes | bytearray]) -> bool:
    """Whether the first line of a text is a JSON object by itself, or the second line, in case the first is cut."""
    beginning: list[bytes | bytearray] = []
    ends = 0
    for piece in pieces:
        beginning.append(piece)
        ends += piece.count(b"\n")
        if ends >= _LINES_LOOKED_AT:
            return any(map(_is_object, b"".join(beginning).split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]))
    return False


def _is_object(line: bytes | bytearray) -> bool:
    try:
        return isinstance(json_text.parse(bytes(line.removeprefix(_BOM))), dict)
    except json_text.MalformedJsonError:
        return False


def looks_whole(value: bytes | bytearray) -> bool:
    """Whether bytes are blank, or begin and end like JSON that could hold a record."""
    if value[:1] == b"{" and value[-1:] == b"}":
        return True
    text = value.removeprefix(_BOM).strip(_BLANKS)
    return not text or text[:1] + text[-1:] in (b"{}", b"[]")
