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

_ELEMENTS, _CREDENTIALS, _TOKEN = "responseElements", "credentials", "sessionToken"
_REPLACED = b'"sessionToken":"REDACTED"'
_BEFORE_SIGN = len(b'"sessionT')


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
    elements = record.get(_ELEMENTS)
    if isinstance(elements, dict) and isinstance(credentials := elements.get(_CREDENTIALS), dict):
        token = credentials.get(_TOKEN)
        if isinstance(token, str) and token not in ("", REDACTED):
            record = {**record, _ELEMENTS: {**elements, _CREDENTIALS: {**credentials, _TOKEN: REDACTED}}}
    try:
        written = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, or deeply nested
        return None
    if brackets(written) > MAX_DEPTH:
        return None
    for start, _ in signs(written):
        # A token that is replaced shows a sign, too: the end of its name.
        if not written.startswith(_REPLACED, max(0, start - _BEFORE_SIGN)):
            return None
    return QuickRedaction(record, written) if hides_nothing(written) else None
