"""One notice, before it is words for a service; and the threshold that it must reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


class Notice(NamedTuple):
    """What people are told of one alert, one overflow or one session.

    Attributes:
        kind: ``alert``, ``overflow`` or ``session``.
        key: the deduplication key: the alert id, or for the others an id that a repeat has as well.
        thread: what belongs together has the same: a session's is the id of its alert.
        severity: one of ``SEVERITIES``; a severity that this version does not know counts as ``critical``.
        title: one line.
        reason: one sentence, why this is told.
        facts: names and values, the most important first.
        link: the runbook or another page that says what to do; ``None`` without one.
        alert_id: the alert; ``None`` for an overflow, and for a session whose call raised none.
        lookup: what ``rootwatch session`` takes to show more; ``None`` for an overflow.
    """

    kind: Literal["alert", "overflow", "session"]
    key: str
    thread: str
    severity: Severity
    title: str
    reason: str
    facts: tuple[tuple[str, str], ...]
    link: str | None
    alert_id: str | None
    lookup: str | None


class Threshold(NamedTuple):
    """What must be reached for a notice: a severity, and for alerts a risk score (0 to 100) as well."""

    severity: Severity = "low"
    risk: int = 0

    def passes(self, severity: str, risk: int | None = None) -> bool:
        """Whether something of this severity and risk is told; a summary has no risk score."""
        reached = SEVERITIES.index(known_severity(severity)) >= SEVERITIES.index(self.severity)
        return reached and (risk is None or risk >= self.risk)


def known_severity(severity: str) -> Severity:
    """The severity; ``critical`` if this version does not know the word, as the alert contract asks."""
    return next((known for known in SEVERITIES if known == severity), "critical")


class Runbook(NamedTuple):
    """The link of a notice.

    Attributes:
        template: a URL with ``{rule_id}`` and ``{alert_id}`` where these belong; ``None`` for the first reference of
            the alert's rule.
    """

    template: str | None = None

    def link(self, rule_id: str, alert_id: str | None, references: tuple[str, ...] = ()) -> str | None:
        """The link for a rule and an alert."""
        if self.template is None:
            return references[0] if references else None
        values: Mapping[str, str] = {"rule_id": rule_id, "alert_id": alert_id or ""}
        link = self.template
        for name, value in values.items():
            link = link.replace("{" + name + "}", value)
        return link


def short_name(value: str) -> str:
    """The part of an ARN that names the resource, such as ``user/alice``; any other value as it is."""
    return value.split(":", 5)[5] if value.startswith("arn:") and value.count(":") >= 5 else value  # noqa: PLR2004  parts of an ARN


def stated(facts: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """The facts that have a value."""
    return tuple((name, value) for name, value in facts.items() if value)


def joined(*parts: str | None) -> str:
    """The parts that there are, with commas between."""
    return ", ".join(part for part in parts if part)
