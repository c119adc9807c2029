"""The values of a raw record that decide a field's values, for the fields that a memo can go by.

A field counts here only if redaction leaves or replaces the values at its paths whatever else is in the record, see
``first_look``. So two records with the same values at the paths have the same values of the field, redacted or not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from streams.extraction.first_look import depends_on_objects_only
from streams.fields.mapping import FLATTENED, MAPPED, SECTIONS
from streams.fields.values import NO_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from streams.extraction.memo.part import Part
    from streams.fields.terms import PrincipalSource

IDENTITY_TYPE = "userIdentity.type"
_ARN = "userIdentity.arn"
_ISSUER = "userIdentity.sessionContext.sessionIssuer"
# Not a path: the issuer's ARN of an assumed role, else the recorded one, which has the session's name.
_ISSUER_OR_ARN = "issuer or arn"
_PATHS_OF_ARN = (IDENTITY_TYPE, f"{_ISSUER}.arn", _ARN)
_DERIVED: dict[str, tuple[str, ...]] = {
    "event.dataset": (),
    "data_stream.dataset": (),
    "event.outcome": ("eventName", "errorCode", "errorMessage"),
    "user.name": ("eventName", IDENTITY_TYPE, "userIdentity.userName", f"{_ISSUER}.userName"),
    "user.id": (IDENTITY_TYPE, "userIdentity.principalId", "userIdentity.onBehalfOf.userId"),
    "cloud.account.id": ("userIdentity.accountId", "recipientAccountId"),
    "source.ip": ("sourceIPAddress",),
    "rootwatch.issuer_or_arn": (_ISSUER_OR_ARN,),
}
# The outcome of a sign-in and the user of an authentication are elsewhere.
_EVENTS_APART = frozenset({"ConsoleLogin", "UserAuthentication"})


@cache
def deciding(name: str, action: str, principal: PrincipalSource) -> tuple[str, ...] | None:
    """Return what decides a field in records of an event; ``None`` if a memo cannot go by it.

    Args:
        name: the field's first name.
        action: the event's name.
        principal: the setting.
    """
    if not depends_on_objects_only(name):
        return None
    if name == "rootwatch.principal":
        return (_ARN,) if principal == "arn" else (_ISSUER_OR_ARN,)
    if name in _DERIVED:
        return None if action in _EVENTS_APART else _DERIVED[name]
    for section, long in SECTIONS.items():
        if name.startswith(prefix := f"{FLATTENED}.{long}."):
            return (f"{section}.{name.removeprefix(prefix)}",)
    return (MAPPED[name][0],) if name in MAPPED else None


def paths_of(values: Iterable[str]) -> set[str]:
    """Return the paths that have to be read for what ``deciding`` returned."""
    paths = {*values}
    if _ISSUER_OR_ARN in paths:
        paths.remove(_ISSUER_OR_ARN)
        paths.update(_PATHS_OF_ARN)
    return paths


def key_getter(part: Part, values: Collection[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the deciding values of a part that was read.

    It raises ``AttributeError`` for an object that is null.

    Raises:
        KeyError: a path is that of an object.
    """
    paths = [value for value in values if value != _ISSUER_OR_ARN]
    plain = part.getter(paths)
    if len(paths) == len(values):
        return plain
    of_arn = part.getter(_PATHS_OF_ARN)

    def key(read: Any) -> tuple[Any, ...]:
        kind, issuer, arn = of_arn(read)
        if kind == "AssumedRole" and isinstance(issuer, str) and issuer not in NO_VALUES:
            return (*plain(read), issuer)
        return (*plain(read), (issuer, arn))

    return key
