"""A rule is data: which records it takes, how long its memory is, and what its alerts say (A4).

``rule_file`` reads it from a file.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotation at run time
from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

Severity = Literal["low", "medium", "high", "critical"]
Id = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Text = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
# Characters that JSON writers never escape: the fetch filter searches for these names as bytes.
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._-]+$")]
_RiskScore = Annotated[int, Field(strict=True, ge=0, le=100)]
_Milliseconds = Annotated[int, Field(strict=True, gt=0)]
_MillisecondsOrZero = Annotated[int, Field(strict=True, ge=0)]

MAX_ENTRIES = 1_000_000
"""The default of ``max_entries`` (U11)."""
MOST_TERMS = 3
"""How many terms a rule may have (U4)."""
LONGEST_CAP_PERIOD = 86_400_000
"""In milliseconds."""
MOST_ALERTS = 10_000
"""The largest cap. A bucket is one Kafka record with all ids of its period, and must fit into any topic."""
_CLOSED = ConfigDict(extra="forbid")


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


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Rule:
    """One rule. Its values are checked on construction, so ``dataclasses.replace`` is a safe way to override one.

    Attributes:
        id: never changes; part of every alert id (A1).
        name: a name for people.
        version: the version of the rule's text and values, from 1.
        severity: ``low``, ``medium``, ``high`` or ``critical``.
        risk_score: 0 to 100.
        query: decides which records it takes (U1, U3).
        terms: one to three names of fields; their values are remembered together (U4).
        event_source: of the short form, the exact ``eventSource`` of its records; else ``None``.
        event_name: of the short form, the exact ``eventName`` of its records; else ``None``.
        window: how long a tuple of values stays known after it was last seen, in milliseconds (M1).
        forget_after: how long after it was last seen a tuple counts as never seen, in milliseconds (M8); ``None`` is
            the setting's.
        max_alerts: the maximum number of alerts per value of the first term and ``cap_period``; 0 is no cap (A3).
        cap_period: in milliseconds, aligned to the epoch, at most a day (A3).
        refresh: a tuple sent to detection less than this long ago may be dropped, in milliseconds (U7); 0 is exact,
            ``None`` is a hundredth of the window.
        learn: how long a partition learns from its first sighting on, in milliseconds (U6); ``None`` is the window
            after a change of the rule, else nothing.
        max_entries: how many tuples a partition remembers for the rule (U11).
        incomplete: what happens to a record without a term: it is counted, or goes to the dead letters (T5, U3).
        description: what the rule looks for, and why.
        action: the action in the words of the alert's reason: "took root on".
        privilege: the privilege in the words of the reason: "root privileges".
        tags: words to filter and route alerts by.
        threat: the behaviour in MITRE ATT&CK.
        references: pages that explain the behaviour.
        false_positives: other behaviour that looks the same.
        triage: what to do about an alert, step by step.
        task_policies: by ARN, what a session under this task policy can do; ``alerting.task_policy`` reads it.
    """

    id: Id
    name: Text
    version: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    severity: Severity
    risk_score: _RiskScore
    query: Text
    terms: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_TERMS)]
    event_source: _Name | None = None
    event_name: _Name | None = None
    window: _Milliseconds
    forget_after: _Milliseconds | None = None
    max_alerts: Annotated[int, Field(strict=True, ge=0, le=MOST_ALERTS)] = 100
    cap_period: Annotated[_Milliseconds, Field(le=LONGEST_CAP_PERIOD)] = 300_000
    refresh: _MillisecondsOrZero | None = None
    learn: _MillisecondsOrZero | None = None
    max_entries: Annotated[int, Field(strict=True, ge=1)] = MAX_ENTRIES
    incomplete: Literal["count", "dead-letter"] = "count"
    description: Text | None = None
    action: Text | None = None
    privilege: Text | None = None
    tags: tuple[Text, ...] = ()
    threat: tuple[Threat, ...] = ()
    references: tuple[Text, ...] = ()
    false_positives: tuple[Text, ...] = ()
    triage: tuple[Text, ...] = ()
    task_policies: Mapping[Text, Text] = field(default_factory=dict)
