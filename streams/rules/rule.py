"""A rule is data: which records it takes, how long its memory is, and what its alerts say (A4).

A rule file is TOML with the fields of ``Rule``; durations are text such as ``10d``. The terms that must be new together
are not a field: they are always (principal, member account).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotation at run time
from dataclasses import field, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from streams.rules.duration import milliseconds

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Severity = Literal["low", "medium", "high", "critical"]
Text = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
# Characters that JSON writers never escape: the fetch filter searches for these names as bytes.
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._-]+$")]
_RiskScore = Annotated[int, Field(strict=True, ge=0, le=100)]
_Milliseconds = Annotated[int, Field(strict=True, gt=0)]

_DURATIONS = ("window", "cap_period")
_DAY = 86_400_000
MOST_ALERTS = 10_000
"""The largest cap. A bucket is one Kafka record with all ids of its period, and must fit into any topic."""
_CLOSED = ConfigDict(extra="forbid")


class RuleError(ValueError):
    """A rule file is wrong; the message names the file, the field, the value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Threat:
    """The behaviour in MITRE ATT&CK: a technique or sub-technique under a tactic, as alerts show it."""

    tactic_id: Text
    tactic_name: Text
    technique_id: Text
    technique_name: Text
    subtechnique_id: Text | None = None
    subtechnique_name: Text | None = None
    reference: Text


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Rule:
    """One rule. Its values are checked on construction, so ``dataclasses.replace`` is a safe way to override one.

    Attributes:
        id: never changes; part of every alert id (A1).
        name: a name for people.
        version: the version of the rule's text and values, from 1.
        severity: ``low``, ``medium``, ``high`` or ``critical``.
        risk_score: 0 to 100.
        event_source: the exact ``eventSource`` of its records (T1).
        event_name: the exact ``eventName`` of its records (T1).
        window: how long a pair stays known after it was last seen, in milliseconds (M1).
        max_alerts: the maximum number of alerts per principal and ``cap_period``; 0 is no cap (A3).
        cap_period: in milliseconds, aligned to the epoch, at most a day (A3).
        description: what the rule looks for, and why.
        action: the action in the words of the alert's reason: "took root on".
        privilege: the privilege in the words of the reason: "root privileges".
        tags: words to filter and route alerts by.
        threat: the behaviour in MITRE ATT&CK.
        references: pages that explain the behaviour.
        false_positives: other behaviour that looks the same.
        triage: what to do about an alert, step by step.
        task_policies: by ARN, what a session under this task policy can do; ``detection.task_policy`` reads it.
    """

    id: Text
    name: Text
    version: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    severity: Severity
    risk_score: _RiskScore
    event_source: _Name
    event_name: _Name
    window: _Milliseconds
    max_alerts: Annotated[int, Field(strict=True, ge=0, le=MOST_ALERTS)] = 100
    cap_period: Annotated[_Milliseconds, Field(le=_DAY)] = 300_000
    description: Text | None = None
    action: Text | None = None
    privilege: Text | None = None
    tags: tuple[Text, ...] = ()
    threat: tuple[Threat, ...] = ()
    references: tuple[Text, ...] = ()
    false_positives: tuple[Text, ...] = ()
    triage: tuple[Text, ...] = ()
    task_policies: Mapping[Text, Text] = field(default_factory=dict)


_RULE = TypeAdapter(Rule)


def parse(text: str, name: str) -> Rule:
    """Read a rule from the text of a rule file; ``name`` is the file's name, for messages.

    Raises:
        RuleError: the text is not TOML, or a field is missing, unknown or has a value that is not allowed; the message
            names every such field.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{name}: not TOML: {error}") from error
    for key in _DURATIONS:
        if key in table:
            table[key] = _duration(table[key], f"{name}: {key}")
    try:
        return _RULE.validate_python(table)
    except ValidationError as error:
        raise RuleError("\n".join(_complaint(name, details) for details in error.errors(include_url=False))) from error


def _duration(value: object, where: str) -> int:
    if not isinstance(value, str):
        raise RuleError(f'{where}: {value!r}: must be a duration in quotes, such as "10d" or "5m"')
    try:
        return milliseconds(value)
    except ValueError as error:
        raise RuleError(f"{where}: {error}") from error


def _complaint(name: str, details: ErrorDetails) -> str:
    where = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"{name}: {where}: is missing"
        case "unexpected_keyword_argument":
            known = Threat if where.startswith("threat.") else Rule
            return f"{name}: {where}: is not a field of a rule; allowed are {', '.join(f.name for f in fields(known))}"
        case _:
            return f"{name}: {where}: {details['input']!r}: {details['msg']}"
