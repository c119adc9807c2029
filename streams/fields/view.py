"""What a query sees of a record: the values of a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streams.fields.catalogue import Field


class View(Protocol):
    """A record, seen by its fields."""

    def values(self, field: Field, /) -> tuple[str, ...]:
        """Return the texts of a field's values in the record's order, each once; none if it has none."""
