"""Reads ``NAME.cases.jsonl``, the cases beside the rule file ``NAME.toml``: one JSON object per line (U12).

A case has a ``name``, ``records`` and ``alerts``. A record is a message of any shape (R1), or a changed copy:
``{"like": "NAME OF AN EARLIER CASE", "change": {…}}`` is the first record of that case after a merge patch (RFC 7396).
"""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotation at run time
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from streams.rules.rule import Text  # noqa: TC001  as above
from streams.rules.rule_errors import RuleErrors, shown

SUFFIX = ".cases.jsonl"
"""Stands in the place of ``.toml`` in the name of the rule file."""

_CLOSED = ConfigDict(extra="forbid")
_Count = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
_COPY = {"like", "change"}


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ExpectedAlert:
    """An alert that a case must give; what is ``None`` is not compared.

    Attributes:
        terms: the values of the rule's terms, in order.
        novelty: ``first`` or ``returned``.
        event_id: the event that alerts.
    """

    terms: tuple[Text, ...]
    novelty: Literal["first", "returned"] | None = None
    event_id: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class KnownNetwork:
    """The autonomous system of an address in a case, in place of a database."""

    number: _Count | None = None
    organization: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Case:
    """Records, and the alerts that they must give together, to a rule that remembers nothing.

    Attributes:
        name: what the case shows.
        records: the messages.
        alerts: all alerts that they give; none for a silent case.
        networks: by address in canonical form, for rules that name ``source.as.*``.
    """

    name: Text
    records: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    alerts: tuple[ExpectedAlert, ...]
    networks: Mapping[Text, KnownNetwork] = field(default_factory=dict)


_CASE = TypeAdapter(Case)


def parse_cases(text: str, name: str, terms: int) -> list[Case]:
    """Read the text of a file of cases.

    Args:
        text: the text.
        name: the file's name, for messages.
        terms: how many terms the rule has.

    Raises:
        RuleErrors: a line is not JSON or no case, or two cases have the same name; it has the faults of all lines.
    """
    cases: dict[str, Case] = {}
    faults: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            case = _parse(line, cases, terms)
            cases[case.name] = case
        except _Faults as wrong:
            faults += (f"{name}:{number}: {fault}" for fault in wrong.args[0])
    if faults:
        raise RuleErrors(faults)
    return list(cases.values())


class _Faults(Exception):  # noqa: N818  the faults of a line, all of them
    """What is wrong in a line."""


def _parse(line: str, earlier: Mapping[str, Case], terms: int) -> Case:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise _Faults([f"not JSON: {error}"]) from error
    except RecursionError:
        raise _Faults(["not JSON: nested too deeply"]) from None
    if not isinstance(document, dict):
        raise _Faults([f"{shown(document)}: a case is an object with name, records and alerts"])
    records = document.get("records")
    if isinstance(records, list):
        document["records"] = [_record(record, number, earlier) for number, record in enumerate(records)]
    try:
        case = _CASE.validate_python(document)
    except ValidationError as error:
        raise _Faults([_complaint(details) for details in error.errors(include_url=False)]) from error
    if case.name in earlier:
        raise _Faults([f"name: {shown(case.name)}: an earlier case has this name; each needs its own"])
    wrong = [alert.terms for alert in case.alerts if len(alert.terms) != terms]
    if wrong:
        raise _Faults([f"alerts: {shown(list(values))}: the rule has {terms} terms" for values in wrong])
    return case


def _record(record: object, number: int, earlier: Mapping[str, Case]) -> object:
    """Return a record as it is, or the changed copy that it stands for."""
    if not isinstance(record, dict) or "like" not in record:
        return record
    if strange := record.keys() - _COPY:
        raise _Faults([f"records.{number}.{min(strange)}: a copy has like and change, and nothing else"])
    like, change = record["like"], record.get("change", {})
    if not isinstance(like, str) or like not in earlier:
        names = ", ".join(map(repr, earlier)) or "none"
        raise _Faults([f"records.{number}.like: {shown(like)}: no earlier case has this name; those are {names}"])
    if not isinstance(change, dict):
        raise _Faults([f"records.{number}.change: {shown(change)}: must be an object"])
    return merged(earlier[like].records[0], change)


def merged(target: object, patch: object) -> Any:
    """Return the target after a JSON merge patch: objects are merged, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Any] = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _complaint(details: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"{where}: is missing"
        case "unexpected_keyword_argument":
            return f"{where}: is no field of a case"
        case "too_short":
            return f"{where}: []: a case has at least one record"
        case "dict_type":
            return f"{where}: {shown(details['input'])}: must be an object"
        case "string_pattern_mismatch":
            return f"{where}: {shown(details['input'])}: must not be empty"
        case _:
            return f"{where}: {shown(details['input'])}: {details['msg'].replace('Input should', 'must')}"
