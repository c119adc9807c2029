"""The text form of a Java map: Elastic's ingest pipeline writes request parameters and response elements in it.

``{targetPrincipal=222222222222, taskPolicyArn={arn=arn:aws:…}, tags=[a, b]}``: nothing is quoted, so a value ends where
the next key begins. If a value itself contains such text, the result is a guess. This parser is the last one tried.

Rules:
- A member of the outermost map that looks like a map, but is not one, is text.
- Balanced braces and brackets inside a text belong to the text. So JSON in a value, which a caller may have written,
  does not end the map around it (R2).
- A map has each key once. If the text has a key twice, one of the two is part of a value, and the text is refused (R2).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from streams.content.json_text import MAX_DEPTH, NumberText, TooDeepError

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")

_KEY = re.compile(r"([^\s={}\[\],]+)=")
# Where the text of a member, or of an item of a list, may end.
_MEMBER_ENDS = re.compile(r"[{}]|, (?=[^\s={}\[\],]+=)")
_ITEM_ENDS = re.compile(r"[\[\]]|, ")
_NEXT = ", "
_LEFT_OUT = frozenset({"", "-", "none"})
_MOST_BITS = 14_000  # Python writes integers of up to 4,300 digits
_LEAST_PLAIN, _FIRST_WITH_EXPONENT = 1e-3, 1e7


class NoJavaMapError(ValueError):
    """The text is not the text form of a map."""


def parse(text: str) -> dict[str, Any]:
    """Read the text form of a map. A value is a map, a list, text, or ``None`` for ``null``.

    Raises:
        NoJavaMapError: the text is something else.
    """
    return _whole(text, _map)


def parse_list(text: str) -> list[Any]:
    """Read the text form of a list, such as one of maps.

    Raises:
        NoJavaMapError: the text is something else.
    """
    if not text.startswith("["):
        raise NoJavaMapError("no opening bracket")
    return _whole(text, _list)


def _whole(text: str, read: Callable[[str, int, int], tuple[_Value, int]]) -> _Value:
    try:
        value, end = read(text, 0, 0)
    except TooDeepError as error:
        raise NoJavaMapError(str(error)) from None
    if end != len(text):
        raise NoJavaMapError("something follows it")
    return value


def _map(text: str, start: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth > MAX_DEPTH:
        raise TooDeepError
    if not text.startswith("{", start):
        raise NoJavaMapError("no opening brace")
    members: dict[str, Any] = {}
    position = start + 1
    while not text.startswith("}", position):
        key = _KEY.match(text, position)
        if key is None:
            raise NoJavaMapError("no key")
        if key[1] in members:
            raise NoJavaMapError("a key comes twice")
        members[key[1]], position = _value(text, key.end(), _MEMBER_ENDS, depth)
        position = _after_value(text, position, "}")
    return members, position + 1


def _list(text: str, start: int, depth: int) -> tuple[list[Any], int]:
    if depth > MAX_DEPTH:
        raise TooDeepError
    items: list[Any] = []
    position = start + 1
    while not text.startswith("]", position):
        item, position = _value(text, position, _ITEM_ENDS, depth)
        items.append(item)
        position = _after_value(text, position, "]")
    return items, position + 1


def _value(text: str, start: int, ends: re.Pattern[str], depth: int) -> tuple[Any, int]:
    if text.startswith("[", start):
        return _list(text, start, depth + 1)
    if text.startswith("{", start):
        try:
            return _map(text, start, depth + 1)
        except NoJavaMapError:
            if depth:
                raise  # only the outermost map reads it again, as text: so it is read twice, not once more per depth
    end = _text_end(text, start, ends)
    word = text[start:end]
    return (None if word == "null" else word), end


def _text_end(text: str, start: int, ends: re.Pattern[str]) -> int:
    depth = 0
    for end in ends.finditer(text, start):
        if end[0] in "{[":
            depth += 1
        elif depth == 0:
            return end.start()
        elif end[0] in "}]":
            depth -= 1
    raise NoJavaMapError("a value does not end")


def _after_value(text: str, position: int, closing: str) -> int:
    if text.startswith(_NEXT, position):
        return position + len(_NEXT)
    if text.startswith(closing, position):
        return position
    raise NoJavaMapError("a value does not end")


def write(value: Any) -> str | None:
    """Write a JSON value as Java's ``toString`` does: ``{k=v, list=[a, b]}``; ``None`` if nothing is left to write.

    As in Elastic's pipeline, null and the texts "", "-" and "none" are left out, and then the objects and lists that
    are empty. Numbers are written as Java's ``Double`` and ``BigInteger`` do.

    Raises:
        TooDeepError: the value is nested deeper than ``json_text.MAX_DEPTH``.
    """
    return _written(value, 0)


def _written(value: Any, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        raise TooDeepError
    match value:
        case str():
            return None if value in _LEFT_OUT or isinstance(value, NumberText) else value
        case dict():
            members = ((key, _written(member, depth + 1)) for key, member in value.items())
            return _joined("{%s}", [f"{key}={written}" for key, written in members if written is not None])
        case list():
            items = [_written(item, depth + 1) for item in value]
            return _joined("[%s]", [written for written in items if written is not None])
        case float():
            return _double(value)
        case int() if value.bit_length() < _MOST_BITS:
            return str(value).lower()  # booleans are integers
    return None


def _joined(form: str, texts: list[str]) -> str | None:
    return form % _NEXT.join(texts) if texts else None


def _double(number: float) -> str | None:
    """Write a number with a fraction as ``Double.toString`` does, whose exponents begin at 10**7 and below 10**-3."""
    if not math.isfinite(number):
        return None
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent) if number else 1  # where the point is, counted from the first digit
    minus = "-" if sign else ""
    if not number or _LEAST_PLAIN <= abs(number) < _FIRST_WITH_EXPONENT:
        whole, fraction = shown[: max(point, 0)].ljust(point, "0"), "0" * -point + shown[max(point, 0) :]
        return f"{minus}{whole or '0'}.{fraction or '0'}"
    return f"{minus}{shown[0]}.{shown[1:] or '0'}E{point - 1}"
