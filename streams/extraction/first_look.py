"""A first look at a record that is not redacted yet: redacting takes longer than asking the queries.

A query must see the redacted record (T7). Most fields have the same values in it, unless a value holds a token. So what
queries say at first look is certain if each field that they asked for is such a field, without a token in its values.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from streams.content.redaction.redact import is_secret, redact_text
from streams.fields.catalogue import Field, field_named
from streams.fields.mapping import FLATTENED, SECTIONS

if TYPE_CHECKING:
    from streams.extraction.record import Record
    from streams.fields.view import View

_NAMES = (
    *("event.provider", "event.action", "event.outcome", "event.id", "cloud.region", "cloud.account.id"),
    *("source.address", "source.ip", "user_agent.original", "rootwatch.principal", "rootwatch.issuer_or_arn"),
    *(f"userIdentity.{name}" for name in ("type", "arn", "accessKeyId", "invokedBy")),
    *(f"userIdentity.sessionContext.sessionIssuer.{name}" for name in ("type", "arn", "principalId", "accountId")),
    *("userIdentity.sessionContext.attributes.mfaAuthenticated", "errorCode", "errorMessage", "eventType"),
    *("eventCategory", "eventVersion", "readOnly", "managementEvent", "recipientAccountId"),
)
_ALIKE = frozenset(map(field_named, _NAMES))
"""Fields whose values lie in objects only, under keys that have nothing to do with tokens."""

_BESIDE_A_NAME = frozenset({"value", "Value"})


class FirstLook:
    """A view of a record that is not redacted.

    Attributes:
        is_certain: whether all that was asked of it would be answered alike after redaction.
    """

    __slots__ = ("_asked", "_record", "_view", "is_certain")

    def __init__(self, record: Record, view: View) -> None:
        self._record = record
        self._view = view
        self._asked: set[str] = set()
        self.is_certain = True

    def values(self, field: Field, /) -> tuple[str, ...]:
        """Return the values of a field."""
        found = self._view.values(field)
        if field.name not in self._asked:
            self._asked.add(field.name)
            if self.is_certain:
                is_alike = field in _ALIKE or self._is_alike_here(field)
                self.is_certain = is_alike and all(redact_text(value) is value for value in found)
        return found

    def _is_alike_here(self, field: Field) -> bool:
        """Whether the field is a leaf of a section that is an object in this record, and no text of one."""
        section = _section(field)
        return (
            section is not None and self._record.document is None and isinstance(self._record.fields.get(section), dict)
        )


@cache
def _section(field: Field) -> str | None:
    """Return the section of a leaf whose keys have nothing to do with tokens; ``None`` for any other field."""
    for section, name in SECTIONS.items():
        prefix = f"{FLATTENED}.{name}."
        if field.name.startswith(prefix):
            keys = field.name.removeprefix(prefix).split(".")
            return None if any(key in _BESIDE_A_NAME or is_secret(key) for key in keys) else section
    return None
