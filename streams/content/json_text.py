"""Reading and writing JSON: tolerant where AWS or a shipper may bend the standard, exact in what it keeps.

Rules (R3):
- Integers keep all their digits. orjson turns an integer of more than 64 bits into a float, so such text goes to the
  slower parser.
- NaN, Infinity, 1e999 and numbers of thousands of digits become ``NumberText``: one odd value must not make its record
  or its message unreadable.
- A lone surrogate becomes U+FFFD, because it has no UTF-8 form, and keys, topics and files are UTF-8.
- If an object has a key twice, the last value counts, as in every common parser.
- Nesting is bounded by a fixed number, not by the stack that is left, so live and replay give the same result.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson
from stringzilla import find, translate

MAX_DEPTH = 128
"""The deepest nesting of a record that is read, in levels. CloudTrail's own records stay below 20."""

# The largest integer that orjson keeps has 20 digits (2**64 - 1), the smallest has 19 (-2**63). Python converts up to
# 4,300 digits quickly. Every digit becomes "0", and all that may stand before a number ":".
_LONG_NUMBER = b":" + b"0" * 20
_LONG_NEGATIVE_NUMBER = b"-" + b"0" * 19
_DIGITS_OF_BOTH = b"0" * 19
_DIGITS = b"0123456789"
_NUMBERS = bytes(ord("0") if byte in _DIGITS else ord(":") if byte in b":,[ \t\r\n" else byte for byte in range(256))
_MOST_DIGITS = 4000
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_CANONICAL = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True).encode
_SURROGATE = re.compile("[\ud800-\udfff]")
# orjson writes a number with a fraction or an exponent in another form than Python. What it writes has no blanks, so a
# number in an object is behind the quote of its key, and one in a list behind a comma or bracket. Text may look so too.
# Every digit and minus becomes "0", and every bracket a comma.
_NUMBER_STARTS = (b'":0', b",0")
_FRACTION = re.compile(rb"-?[0-9]++[.eE]")
_WRITTEN_NUMBERS = bytes(
    ord("0") if byte in b"-0123456789" else ord(",") if byte == ord("[") else byte for byte in range(256)
)


class MalformedJsonError(ValueError):
    """The text is not JSON; the message says where and why, without quoting the text."""


class NumberText(str):
    """A number that has no number's form here, as it was written: NaN, Infinity, 1e999, or thousands of digits."""

    __slots__ = ()


class TooDeepError(ValueError):
    """The value is nested deeper than ``MAX_DEPTH``."""

    def __init__(self) -> None:
        super().__init__(f"nested deeper than {MAX_DEPTH} levels")


def parse(text: bytes | str) -> Any:
    """Read one JSON document; bytes are UTF-8.

    Raises:
        MalformedJsonError: the text is not JSON, is not UTF-8, or is nested too deeply.
    """
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        return parse_plain(encoded)
    except ValueError:
        return _parse_tolerantly(encoded)


def parse_plain(encoded: bytes) -> Any:
    """Read one JSON document by the fast parser, which is right for nearly all of them.

    Raises:
        ValueError: the document needs ``parse``, or is not JSON.
    """
    # By vector instructions: a regular expression, which starts again at every digit, takes a hundred times as long.
    numbers = translate(encoded, _NUMBERS)
    if _DIGITS_OF_BOTH in numbers and (
        find(numbers, _LONG_NUMBER) >= 0
        or find(numbers, _LONG_NEGATIVE_NUMBER) >= 0
        or numbers.startswith(_LONG_NUMBER[1:])
    ):
        raise ValueError("a number may be too long for the fast parser")
    return orjson.loads(encoded)


def _parse_tolerantly(encoded: bytes) -> Any:
    try:
        document = json.loads(encoded.decode("utf-8"), parse_int=_integer, parse_float=_float, parse_constant=_own_text)
        return _without_lone_surrogates(document, 0)
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise MalformedJsonError(
            f"not JSON at character {error.pos}: {error.msg.removesuffix(' at').removesuffix(' starting')}"
        ) from None
    except RecursionError:
        raise MalformedJsonError("JSON that is nested too deeply to be read") from None
    except TooDeepError as error:
        raise MalformedJsonError(str(error)) from None


def canonical(value: Any) -> str:
    """Write a value as canonical JSON: keys sorted by code point, no blanks, only necessary escapes (T6)."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, a lone surrogate, or deeply nested
        return _CANONICAL(value)
    return canonical_of(value, written)


def canonical_of(value: Any, written: bytes) -> str:
    """As ``canonical``, of a value that orjson has written with sorted keys."""
    if isinstance(value, float) or _has_fraction(written):
        return _CANONICAL(value)
    return written.decode()


def _has_fraction(written: bytes) -> bool:
    numbers = translate(written, _WRITTEN_NUMBERS)
    for start in _NUMBER_STARTS:
        at = find(numbers, start)
        while at >= 0:
            if _FRACTION.match(written, at + len(start) - 1):
                return True
            at = find(numbers, start, at + 1)
    return False


def compact(value: Any) -> str:
    """Write a value as JSON without blanks; keys keep their order."""
    return _COMPACT(value)


def to_bytes(value: Any) -> bytes | None:
    """Write a value as ``compact`` does, in UTF-8; ``None`` if it is nested too deeply to be written."""
    try:
        return compact(value).encode("utf-8")
    except RecursionError:
        return None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else NumberText(digits)


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else NumberText(digits)


def _own_text(constant: str) -> str:
    return NumberText(constant)


def _without_lone_surrogates(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise TooDeepError
    match value:
        case NumberText():
            return value
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case dict():
            return {
                _SURROGATE.sub("\ufffd", key): _without_lone_surrogates(member, depth + 1)
                for key, member in value.items()
            }
        case list():
            return [_without_lone_surrogates(item, depth + 1) for item in value]
    return value
