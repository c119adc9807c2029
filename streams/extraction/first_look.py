"""A first look at a record that is not redacted yet: redacting takes longer than asking the queries.

A query must see the redacted record (T7). Most fields have the same values in it, unless a value holds a token. So what
queries say at first look is certain if each field that they asked for is such a field, without a token in its values.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import orjson

from streams.content.json_text import MAX_DEPTH
from streams.content.redaction.redact import is_kept, is_secret
from streams.content.redaction.token_signs import brackets
from streams.content.redaction.token_text import REDACTED
from streams.fields.catalogue import field_named
from streams.fields.mapping import FLATTENED, SECTIONS

if TYPE_CHECKING:
    from streams.extraction.record import Record
    from streams.fields.view import RecordView

_NAMES = (
    *("event.provider", "event.action", "event.id", "cloud.region", "cloud.account.id"),
    *("source.address", "source.ip", "user_agent.original", "rootwatch.principal", "rootwatch.issuer_or_arn"),
    *(f"userIdentity.{name}" for name in ("type", "arn", "accessKeyId", "invokedBy")),
    *(f"userIdentity.sessionContext.sessionIssuer.{name}" for name in ("type", "arn", "principalId", "accountId")),
    *("userIdentity.sessionContext.attributes.mfaAuthenticated", "errorCode", "errorMessage", "eventType"),
    *("eventCategory", "eventVersion", "readOnly", "managementEvent", "recipientAccountId"),
)
_ALIKE = frozenset(field_named(name).name for name in _NAMES)
"""Fields whose values lie in objects only, under keys that have nothing to do with tokens."""

_ALIKE_IF_RAW = frozenset({"event.dataset", "data_stream.dataset", "user.id"})
"""Likewise in a record that is no document."""

_ALIKE_BUT_SIGN_INS = frozenset({"event.outcome", "user.name"})
"""Likewise in a record that is neither a document nor of a sign-in or an authentication."""

_OBJECT_OR_NONE = (dict, type(None))
_BESIDE_A_NAME = frozenset({"value", "Value"})


def is_certain(record: Record, view: RecordView) -> bool:
    """Whether all that was asked of the view of a record would be answered alike after redaction."""
    for name, values in view.known.items():  # noqa: SIM110  any() with a generator takes three times as long
        if not _is_alike(record, name, values):
            return False
    return True


def is_shallow(record: Record) -> bool:
    """Whether the record is certainly not nested too deeply to be redacted."""
    text = record.text
    if text is None:
        try:
            text = orjson.dumps(record.source)
        except orjson.JSONEncodeError:  # an integer of more than 64 bits, or deeply nested
            return False
    return record.fields is record.source and record.document is None and is_shallow_text(text)


def is_shallow_text(text: bytes) -> bool:
    """Whether JSON is certainly not nested too deeply to be redacted."""
    return brackets(text) <= MAX_DEPTH


def depends_on_objects_only(name: str) -> bool:
    """Whether the values of a field lie in objects, under keys that have nothing to do with tokens.

    That is said of a raw record whose sections are objects or missing, and of no sign-in or authentication.
    """
    return name in _ALIKE or name in _ALIKE_IF_RAW or name in _ALIKE_BUT_SIGN_INS or _section(name) is not None


def _is_alike(record: Record, name: str, values: tuple[str, ...]) -> bool:
    """Whether the values of a field are the same after redaction."""
    if name not in _ALIKE and not _is_alike_here(record, name):
        return False
    for value in values:  # noqa: SIM110  as above
        if not is_kept(value):
            return False
    return True


def _is_alike_here(record: Record, name: str) -> bool:
    """Whether the field is one of ``_ALIKE`` in this record."""
    if record.document is not None:
        return False
    if name in _ALIKE_IF_RAW:
        return True
    if name == "event.outcome":  # of a sign-in it is a leaf of this section, which may be text
        return record.fields.get("eventName") != "ConsoleLogin" or not isinstance(
            record.fields.get("responseElements"), str
        )
    if name == "user.name":  # of a sign-in it is a leaf of this section, which may be text
        return not isinstance(record.fields.get("additionalEventData"), str)
    if name == "rootwatch.member_account":  # it is a part of the target, or an account id
        request = record.fields.get("requestParameters")
        target = request.get("targetPrincipal") if isinstance(request, dict) else None
        return not isinstance(target, str) or is_kept(target)
    # A leaf of a section that is an object in this record or missing, and no text of one.
    section = _section(name)
    return section is not None and isinstance(record.fields.get(section), _OBJECT_OR_NONE)


@cache
def _section(name: str) -> str | None:
    """Return the section of a leaf whose keys have nothing to do with tokens; ``None`` for any other field.

    Redaction replaces a token in a key, so that a key with ``REDACTED`` may be another one in the record.
    """
    for section, long in SECTIONS.items():
        prefix = f"{FLATTENED}.{long}."
        if name.startswith(prefix):
            keys = name.removeprefix(prefix).split(".")
            return None if any(key in _BESIDE_A_NAME or is_secret(key) or REDACTED in key for key in keys) else section
    return None
