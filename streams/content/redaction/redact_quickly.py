"""The quick redaction of a record, with the text that is written for it anyway (T7).

Nearly all records show no sign of a token, or only the token that AWS puts at a known place. All others are left to
``redact``, which looks at each text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from streams.content.json_text import MAX_DEPTH
from streams.content.redaction.redact import hides_nothing
from streams.content.redaction.token_signs import brackets, signs
from streams.content.redaction.token_text import REDACTED

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = ("responseElements", "credentials", "sessionToken")
_KEY = b'"sessionToken":"'
_BEFORE_SIGN = len(_KEY) - len(b'oken":"')


class QuickRedaction(NamedTuple):
    """A redacted record.

    Attributes:
        value: the record; the same object if it holds no token.
        written: what orjson writes for it, with sorted keys.
    """

    value: Mapping[str, Any]
    written: bytes


def redact_quickly(record: Mapping[str, Any]) -> QuickRedaction | None:
    """Return the record without session tokens; ``None`` if each of its texts has to be looked at."""
    try:
        written = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, or deeply nested
        return None
    if brackets(written) > MAX_DEPTH:
        return None
    if found := signs(written):
        at_place = _at_place(record, written, found[0][0])
        if at_place is None:
            return None
        start, end = at_place
        if any(not start <= sign < end for sign, _ in found[1:]):
            return None
        written = written[:start] + REDACTED.encode() + written[end:]
        record = _without_token(record)
    return QuickRedaction(record, written) if hides_nothing(written) else None


def _at_place(record: Mapping[str, Any], written: bytes, sign: int) -> tuple[int, int] | None:
    """Return where the token at the known place begins and ends, if the sign is the end of its name."""
    value: Any = record
    for key in _PLACE:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    key_at = sign - _BEFORE_SIGN
    start = key_at + len(_KEY)
    if not isinstance(value, str) or value in ("", REDACTED) or not written.startswith(_KEY, max(key_at, 0)):
        return None
    end = written.find(b'"', start)
    return (start, end) if written[start:end] == value.encode("utf-8", "surrogatepass") else None


def _without_token(record: Mapping[str, Any]) -> dict[str, Any]:
    elements, credentials, token = _PLACE
    inner = record[elements]
    return {**record, elements: {**inner, credentials: {**inner[credentials], token: REDACTED}}}
