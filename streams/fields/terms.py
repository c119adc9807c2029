"""The principal and the member accounts of a record (T3, T4): the terms of the shipped rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from streams.fields.account import account_id, target_account
from streams.fields.lookup import value_at
from streams.fields.values import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PrincipalSource = Literal["arn", "issuer"]
AccountSource = Literal["target", "resources"]


def principal(fields: Mapping[str, Any], source: PrincipalSource) -> str | None:
    """Return the principal of a record: the recorded ARN, or by ``issuer`` that of the assumed role (T3).

    An ARN of "-" or "none" is missing, as for every field.
    """
    who = fields.get("userIdentity")
    if not isinstance(who, dict):
        return None
    arn = _text(who.get("arn"))
    if source == "issuer" and who.get("type") == "AssumedRole":
        return _text(value_at(who, "sessionContext", "sessionIssuer", "arn")) or arn
    return arn


def _text(value: Any) -> str | None:
    return text_of(value) if isinstance(value, str) else None


def member_accounts(fields: Mapping[str, Any], source: AccountSource) -> tuple[tuple[str, ...], AccountSource]:
    """Return the member accounts of a record, each once, and where they are from (T4).

    By ``target`` it is the account that the target names. If it names none, or by ``resources``, they are those of the
    record's resources.
    """
    if source == "target" and (target := _target(fields)) is not None:
        return (target,), "target"
    entries = fields.get("resources")
    if not isinstance(entries, list):
        return (), "resources"
    accounts = (account_id(entry.get("accountId")) for entry in entries if isinstance(entry, dict))
    return tuple(dict.fromkeys(account for account in accounts if account is not None)), "resources"


def account_source(fields: Mapping[str, Any], source: AccountSource) -> AccountSource:
    """Return where ``member_accounts`` are from."""
    return "target" if source == "target" and _target(fields) is not None else "resources"


def _target(fields: Mapping[str, Any]) -> str | None:
    request = fields.get("requestParameters")
    return target_account(request.get("targetPrincipal")) if isinstance(request, dict) else None
