"""Documents without empty places: ECS and OCSF leave out what is not known, where an alert has null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


_SCALARS = (str, int, float)  # also if they are empty, zero or false


def sparse(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value; nulls, empty lists and empty objects are left out."""
    return {name: value for name, value in fields.items() if value or isinstance(value, _SCALARS)}


def distinct(values: Iterable[str | None]) -> list[str]:
    """Return the texts that are there, each once, in order."""
    return list(dict.fromkeys(value for value in values if value))


def text_of(number: int | None) -> str | None:
    """Return a number as text: both schemas have some of ours as keywords."""
    return None if number is None else str(number)
