"""Exceptions: sightings that neither alert nor teach, for a reason that an operator wrote down (M7).

A file holds ``[[exception]]`` tables, with any of ``principal``, ``member_account``, ``task_policy``, ``rule``,
``query`` and ``reason``:

* A pattern is a shell glob (``*``, ``?``, ``[seq]``, ``[!seq]``) over the whole value, case-sensitive. ``principal`` is
  matched against the term (T3), ``member_account`` against the twelve digits, ``task_policy`` against the full ARN.
* ``rule`` is a pattern of the same kind over the rule's id. ``query`` is a query as in a rule file, over the record.
* A table matches if all its patterns and its query match. A sighting is excepted if any table matches.
* A missing value matches no pattern, not even ``*``.
* A table is refused if it has no pattern and no query, or matches everything: if its principal pattern, if any,
  matches every ARN, its member account pattern, if any, matches every account, and its rule pattern, if any, matches
  every id. A table with ``task_policy`` or ``query`` does not match everything: the one never matches a call without a
  policy, and the other chooses records.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from streams.rules.query.compiler import compile_query
from streams.rules.query.error import QueryError
from streams.rules.query.parser import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.extraction.sighting import AnySighting
    from streams.fields.view import View

_PATTERNS = ("principal", "member_account", "task_policy", "rule", "query")
_ALLOWED = (*_PATTERNS, "reason")

# A glob that matches each of these matches every account, because each position then matches every digit.
_ACCOUNTS = tuple(digit * 12 for digit in "0123456789")
# These ARNs have in common only what all ARNs of principals have in common.
_ARNS = (
    "arn:aws:iam::000000000000:root",
    "arn:aws:iam::111111111111:user/a",
    "arn:aws-cn:iam::222222222222:user/B",
    "arn:aws-us-gov:sts::333333333333:assumed-role/c-4/d",
    "arn:aws-cn:sts::555555555555:federated-user/E6",
)
# These ids have in common only what all ids of rules have in common.
_IDS = ("a", "Z-9", "0.b_c", "aws-sts-assume-root-rare-pair", "_Q.7")


class ExceptionsError(ValueError):
    """An exceptions file that cannot be used; the message names the file, the table, the field and what is wrong."""


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """One ``[[exception]]`` table: at least one glob pattern or a query, and the reason."""

    principal: str | None = None
    member_account: str | None = None
    task_policy: str | None = None
    rule: str | None = None
    query: str | None = None
    reason: str = ""

    def matches(self, sighting: AnySighting) -> bool:
        """Whether every given pattern matches the whole of its value; the query is not asked."""
        values = (sighting.principal, sighting.member_account, sighting.event.task_policy, sighting.rule_id)
        return all(
            pattern is None or _matches(pattern, value) for pattern, value in zip(self._patterns(), values, strict=True)
        )

    def matches_everything(self) -> bool:
        """Whether it matches every sighting; a table without a pattern does."""
        return (
            self.task_policy is None
            and self.query is None
            and all(_matches(self.rule or "*", rule_id) for rule_id in _IDS)
            and all(_matches(self.principal or "*", arn) for arn in _ARNS)
            and all(_matches(self.member_account or "*", account) for account in _ACCOUNTS)
        )

    def _patterns(self) -> tuple[str | None, ...]:
        return (self.principal, self.member_account, self.task_policy, self.rule)


def first_match(
    exceptions: tuple[ExceptionEntry, ...], sighting: AnySighting, view_of: Callable[[AnySighting], View]
) -> int | None:
    """Return the position of the first exception that matches the sighting; ``None`` if none does.

    Args:
        exceptions: in the order of the file.
        sighting: the sighting.
        view_of: gives the fields of its record; it is called once, and only if a query must be asked.
    """
    view: View | None = None
    for position, entry in enumerate(exceptions):
        if not entry.matches(sighting):
            continue
        if entry.query is None:
            return position
        view = view_of(sighting) if view is None else view
        if _compiled(entry.query)(view):
            return position
    return None


@cache
def _compiled(query: str) -> Callable[[View], bool]:
    return compile_query(parse_query(query))


def parse_exceptions(text: str, name: str) -> tuple[ExceptionEntry, ...]:
    """Read the exceptions of a file, in its order; ``name`` is the file's name, for messages.

    Raises:
        ExceptionsError: the text is not TOML; or a table has an unknown field, a value that is not text, an empty
            pattern or no pattern, or matches everything.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExceptionsError(f"{name}: not TOML: {error}") from error
    for key in document:
        if key != "exception":
            raise ExceptionsError(f"{name}: {key}: unknown; a file of exceptions holds [[exception]] tables only")
    tables = document.get("exception", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ExceptionsError(f"{name}: exception: write each as an [[exception]] table, with two brackets")
    return tuple(_entry(table, f"{name}: exception {number}") for number, table in enumerate(tables, start=1))


def _entry(table: Mapping[str, Any], where: str) -> ExceptionEntry:
    for field, value in table.items():
        if field not in _ALLOWED:
            raise ExceptionsError(f"{where}: {field}: unknown field; allowed are {', '.join(_ALLOWED)}")
        if not isinstance(value, str):
            raise ExceptionsError(f"{where}: {field}: {value!r}: must be text")
        if field in _PATTERNS and not value and field != "query":
            raise ExceptionsError(f"{where}: {field}: '': an empty pattern matches nothing; leave the field out")
    if "query" in table:
        try:
            parse_query(table["query"])
        except QueryError as error:
            raise ExceptionsError(f"{where}: query:{error}") from error
    if not any(field in table for field in _PATTERNS):
        raise ExceptionsError(f"{where}: has no pattern; give at least one of {', '.join(_PATTERNS)}")
    entry = ExceptionEntry(**table)
    if entry.matches_everything():
        given = ", ".join(f"{field} = {table[field]!r}" for field in _PATTERNS if field in table)
        raise ExceptionsError(f"{where}: {given}: matches everything, so nothing would ever alert; narrow a pattern")
    return entry


def _matches(pattern: str, value: str | None) -> bool:
    return value is not None and fnmatchcase(value, pattern)
