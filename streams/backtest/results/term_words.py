"""The terms of a rule and their values, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIR = ("rootwatch.principal", "rootwatch.member_account")
"""The terms of a rule in the short form: they need no names."""


def values_in_words(terms: Sequence[tuple[str, str]]) -> str:
    """Names and values, such as ``user.name: alice, cloud.account.id: 111111111111``; of a pair the values alone."""
    if tuple(name for name, _ in terms) == PAIR:
        return " on ".join(value for _, value in terms)
    return ", ".join(f"{name}: {value}" for name, value in terms)
