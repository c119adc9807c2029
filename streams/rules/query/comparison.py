"""What a field may be compared with, and in which form (U1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.fields.values import canonical_address
from streams.rules.query.tree import ANY

if TYPE_CHECKING:
    from streams.fields.catalogue import Field


def compared(field: Field, pieces: tuple[str, ...]) -> tuple[str, ...] | str:
    """Return the pieces of a text as the field's values are written, or what is allowed in place of the text."""
    if pieces == ("",):
        return "write a text, or `*` for any value; a field that has no value is `not field: *`"
    if field.kind == "address" and pieces != ANY:
        return _address(field, pieces)
    if field.kind == "number" and pieces != ANY and not _is_digits(pieces):
        return "write digits, or `*` for any number"
    return pieces


def _address(field: Field, pieces: tuple[str, ...]) -> tuple[str, ...] | str:
    canonical = canonical_address(pieces[0]) if len(pieces) == 1 else None
    if canonical is not None:
        return (canonical,)
    if "/" in "".join(pieces):
        return f"write an address, or `*` for any; a network cannot be compared with {field.name}"
    return "write an IPv4 address, an IPv6 address in quotes, or `*` for any address"


def _is_digits(pieces: tuple[str, ...]) -> bool:
    return len(pieces) == 1 and pieces[0].isascii() and pieces[0].isdigit()
