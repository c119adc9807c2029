"""Reads rules from the text of their files, and names all faults of all files at once (U8).

A rule file is TOML with the fields of ``Rule``; durations are text such as ``10d``. It has ``query`` and ``terms``, or
the short form: ``event_source`` and ``event_name``, which stand for both (U3).
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from streams.fields.catalogue import Field, UnknownFieldError, field_named
from streams.rules.duration import format_duration, milliseconds
from streams.rules.query.error import QueryError
from streams.rules.query.parser import parse_query
from streams.rules.rule import LONGEST_CAP_PERIOD, MOST_TERMS, Rule, Threat
from streams.rules.rule_errors import RuleErrors, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

SHORT_FORM_TERMS = ("rootwatch.principal", "rootwatch.member_account")
"""The terms of a rule in the short form (T3, T4)."""

_SHORT_FORM = ("event_source", "event_name")
_LONG_FORM = ("query", "terms")
_DURATIONS = ("window", "forget_after", "cap_period", "refresh", "learn")
_MAY_BE_ZERO = ("refresh", "learn")
_TERMS_ALLOWED = f"must be a list of 1 to {MOST_TERMS} different names of fields, in quotes"
_FIELD_ALLOWED = "a field of ECS or CloudTrail is allowed, such as event.action or requestParameters.roleArn"
# What is allowed where pydantic would show a pattern.
_WORDS = {
    "id": "must be 1 to 128 letters, digits, '.', '_' or '-'",
    "event_source": "must be letters, digits, '.', '_' or '-'",
    "event_name": "must be letters, digits, '.', '_' or '-'",
}
_RULE = TypeAdapter(Rule)


class RuleText(NamedTuple):
    """The text of a rule file, and the file's name for messages, as it was given or found."""

    name: str
    text: str


class NamedRule(NamedTuple):
    """A rule, and the name of its file."""

    name: str
    rule: Rule


def parse(text: str, name: str) -> Rule:
    """Read a rule from the text of a rule file; ``name`` is the file's name, for messages.

    Raises:
        RuleErrors: the text is not TOML, or a field is missing, unknown or has a value that is not allowed.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:  # also for a number of thousands of digits
        raise RuleErrors([f"{name}: not TOML: {error}"]) from error
    except RecursionError:
        raise RuleErrors([f"{name}: not TOML: nested too deeply"]) from None
    return _Reading(table, name).rule()


def parse_all(texts: Iterable[RuleText]) -> list[NamedRule]:
    """Read rules from the texts of their files, in order of the files' names.

    Raises:
        RuleErrors: a text is wrong, or two rules have the same id; it has all faults of all files.
    """
    rules: list[NamedRule] = []
    names: dict[str, str] = {}  # of the file that has an id first
    faults: list[str] = []
    for name, text in sorted(texts):
        rule_id = _id_in(text)
        if rule_id is not None and (other := names.setdefault(rule_id, name)) != name:
            faults.append(f"{name}: id: {shown(rule_id)}: is also the id of {other}; each rule needs its own")
        try:
            rules.append(NamedRule(name, parse(text, name)))
        except RuleErrors as wrong:
            faults += wrong.faults
    if faults:
        raise RuleErrors(faults)
    return rules


def _id_in(text: str) -> str | None:
    """Return the id of a rule, also if something else in its file is wrong."""
    try:
        rule_id = tomllib.loads(text).get("id")
    except (ValueError, RecursionError):
        return None
    return rule_id if isinstance(rule_id, str) else None


class _Reading:
    """Reads one file's table. Each step notes its faults, and the fields that later steps cannot judge any more."""

    def __init__(self, table: dict[str, Any], name: str) -> None:
        self._table = table
        self._name = name
        self._faults: list[tuple[str, str]] = []  # with the field that each is about
        self._judged: set[str] = set()

    def rule(self) -> Rule:
        """Return the rule.

        Raises:
            RuleErrors: something in the file is wrong.
        """
        self._judge_form()
        values = _in_full(self._table) | self._durations()
        self._judge_query(values)
        self._judge_terms(values)
        rule = None
        try:
            rule = _RULE.validate_python(values)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                if details["loc"][0] not in self._judged:
                    self._note(str(details["loc"][0]), *_complaint(details))
        if self._faults or rule is None:
            order = [field.name for field in fields(Rule)]
            self._faults.sort(key=lambda fault: order.index(fault[0]) if fault[0] in order else len(order))
            raise RuleErrors(line for _, line in self._faults)
        return rule

    def _note(self, field: str, *parts: str) -> None:
        self._faults.append((field, ": ".join((self._name, *parts))))

    def _wrong(self, field: str, allowed: str, value: object = None) -> None:
        """Note that a field's value, or one member of it, is not allowed."""
        self._judged.add(field)
        self._note(field, field, shown(self._table.get(field) if value is None else value), allowed)

    def _missing(self, field: str, needed: str) -> None:
        self._judged.add(field)
        self._note(field, field, f"is missing; {needed}")

    def _judge_form(self) -> None:
        """A rule has a query and terms, or else the short form."""
        short = [field for field in _SHORT_FORM if field in self._table]
        long = [field for field in _LONG_FORM if field in self._table]
        if short and long:
            for field in short:
                self._wrong(field, "stands for a query and terms, which this rule has too; remove one of the two")
            self._judged |= set(_LONG_FORM) - set(long)
        elif short:
            for field in set(_SHORT_FORM) - set(short):
                self._missing(field, f"{short[0]} needs it")
            self._judged |= {*_LONG_FORM}
        else:
            for field in _LONG_FORM:
                if field not in long:
                    self._missing(field, "write query and terms, or else event_source and event_name")

    def _durations(self) -> dict[str, int]:
        """Return the milliseconds of each duration that can be read."""
        lengths = {}
        for field in _DURATIONS:
            if field not in self._table:
                continue
            value = self._table[field]
            try:
                length = milliseconds(value) if isinstance(value, str) else None
            except ValueError:
                length = None
            if length is None:
                self._wrong(field, 'must be a duration in quotes, with units w, d, h, m or s, such as "10d" or "1d12h"')
            elif not length and field not in _MAY_BE_ZERO:
                self._wrong(field, "must be longer than 0")
            elif field == "cap_period" and length > LONGEST_CAP_PERIOD:
                self._wrong(field, f"must be at most {format_duration(LONGEST_CAP_PERIOD)}")
            else:
                lengths[field] = length
        for field, allowed in disagreements(lengths):
            self._wrong(field, f"{allowed}, which is {format_duration(lengths['window'])}")
        return lengths

    def _judge_query(self, values: Mapping[str, Any]) -> None:
        if "query" in self._judged:
            return
        self._judged.add("query")
        query = values["query"]
        if not isinstance(query, str):
            self._wrong("query", "must be text")
            return
        try:
            parse_query(query)
        except QueryError as error:
            self._note("query", f"query:{error}")

    def _judge_terms(self, values: Mapping[str, Any]) -> None:
        if "terms" in self._judged:
            return
        self._judged.add("terms")
        terms = values["terms"]
        if not isinstance(terms, list) or not 1 <= len(terms) <= MOST_TERMS:
            self._wrong("terms", _TERMS_ALLOWED)
            return
        names: dict[Field, str] = {}
        for term in terms:
            if not isinstance(term, str):
                self._wrong("terms", _TERMS_ALLOWED, term)
                continue
            try:
                field = field_named(term)
            except UnknownFieldError as error:
                self._wrong("terms", str(error) if error.nearest else f"{error}; {_FIELD_ALLOWED}", term)
                continue
            if field in names:
                other = "is there twice" if names[field] == term else f"is the same field as {names[field]!r}"
                self._wrong("terms", f"{other}; {_TERMS_ALLOWED}", term)
            names.setdefault(field, term)


def disagreements(lengths: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Give each of a rule's durations that does not fit its window, with what is allowed.

    Args:
        lengths: ``window``, ``forget_after`` and ``refresh`` in milliseconds, as far as they are known.
    """
    window = lengths.get("window")
    if window is None:
        return
    if lengths.get("forget_after", window) < window:
        yield "forget_after", "must be at least the window"
    if lengths.get("refresh", 0) >= window:
        yield "refresh", "must be shorter than the window"


def _in_full(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule file with what the short form stands for."""
    if not all(field in table for field in _SHORT_FORM):
        return dict(table)
    source, name = table["event_source"], table["event_name"]
    query = f'event.provider: "{source}" and event.action: "{name}" and event.outcome: success'
    return {"query": query, "terms": SHORT_FORM_TERMS, "incomplete": "dead-letter", "refresh": 0, **table}


def _complaint(details: ErrorDetails) -> tuple[str, ...]:
    """Return the field, its value and what is allowed."""
    where = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return (where, "is missing")
        case "unexpected_keyword_argument":
            known = [field.name for field in fields(Threat if where.startswith("threat.") else Rule)]
            close = difflib.get_close_matches(str(details["loc"][-1]), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; allowed are {', '.join(known)}"
            return (where, shown(details["input"]), f"is not a field of a rule{hint}")
        case "string_pattern_mismatch":
            return (where, shown(details["input"]), _WORDS.get(where, "must not be empty"))
        case _:
            return (where, shown(details["input"]), details["msg"])
