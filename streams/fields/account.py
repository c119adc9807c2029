"""The AWS account that a recorded value names (T4)."""

from __future__ import annotations

from typing import Any

_DIGITS = 12
_FIRST_WRITTEN_AS_NUMBER, _LAST_WRITTEN_AS_NUMBER = 10**11, 10**12 - 1


def account_id(value: Any) -> str | None:
    """Return an account id as text: exactly twelve ASCII digits, or a JSON number of twelve digits; else ``None``."""
    if isinstance(value, str):
        return value if len(value) == _DIGITS and value.isascii() and value.isdigit() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if _FIRST_WRITTEN_AS_NUMBER <= value <= _LAST_WRITTEN_AS_NUMBER else None
    return None


def target_account(target: Any) -> str | None:
    """Return the member account that ``requestParameters.targetPrincipal`` names; ``None`` if it names none.

    The target may be an account id, an ARN of any partition, or an ARN of AWS Organizations. The account field of an
    ARN is the member, except for Organizations: there it is the management account, and the last part is the member
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html).
    """
    if not isinstance(target, str) or ":" not in target:
        return account_id(target)
    match target.split(":", 5):
        case ["arn", _, "organizations", _, _, resource]:
            return account_id(resource.rpartition("/")[2])
        case ["arn", _, _, _, account, _]:
            return account_id(account)
    return account_id(target)
