"""What an operator sets of single rules: ``[rule_settings."ID"]`` tables, and the flat settings of one rule (U8)."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streams.rules.duration import format_duration
from streams.rules.rule import MOST_ALERTS
from streams.rules.rule_file import disagreements
from streams.settings.rule_entries import DEFAULT, SHIPPED
from streams.settings.values import Duration, DurationOrZero, Time, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.rules.rule import Rule
    from streams.rules.rule_file import NamedRule

FLAT = ("window", "max_alerts", "severity", "risk_score")
"""The flat settings that are those of one rule."""
_SHIPPED_ID = DEFAULT.removeprefix(f"{SHIPPED}:")
_NOT_THE_RULES = ("learn_until",)


class RuleSettings(BaseModel):
    """One ``[rule_settings."ID"]`` table; what is not given is the flat setting's or the rule file's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Duration | None = Field(
        default=None, description="How long a tuple stays known after it was last seen (M1)"
    )
    forget_after: Duration | None = Field(default=None, description="Tuples unseen for longer are forgotten (M8)")
    max_alerts: Whole | None = Field(
        default=None, ge=0, le=MOST_ALERTS, description="Maximum alerts per value of the first term (A3); 0 = unlimited"
    )
    severity: Literal["low", "medium", "high", "critical"] | None = Field(
        default=None, description="Severity of alerts"
    )
    risk_score: Whole | None = Field(default=None, ge=0, le=100, description="Risk score of alerts")
    learn_until: Time | None = Field(default=None, description="Sightings up to this time teach and do not alert (M6)")
    refresh: DurationOrZero | None = Field(
        default=None, description="A tuple seen again sooner may be dropped; `0s` is exact (U7)"
    )
    learn: DurationOrZero | None = Field(
        default=None, description="How long a partition learns from the rule's first sighting on (U6)"
    )
    max_entries: Whole | None = Field(default=None, ge=1, description="How many tuples a partition remembers (U11)")


def _tables(value: object) -> object:
    """Refuse what is no table, such as a variable's text."""
    if not isinstance(value, dict):
        raise ValueError('write tables of settings to the file: [rule_settings."ID"]')  # noqa: TRY004  pydantic's
    return value


RuleTables = Annotated[dict[str, RuleSettings], BeforeValidator(_tables)]


class Chosen(NamedTuple):
    """What an operator chose for the rules.

    Attributes:
        flat: the values of the ``FLAT`` settings that are given.
        forget_after: the flat setting, of which a rule's own is not part.
        tables: the tables, by rule id.
    """

    flat: Mapping[str, Any]
    forget_after: int
    tables: Mapping[str, RuleSettings]


def overridden(named: Sequence[NamedRule], chosen: Chosen) -> list[Rule]:
    """Return the rules with what the operator chose: a table wins over a flat setting, and that over the rule file.

    Raises:
        ValueError: a table is of a rule that is not loaded, a flat setting could be of several rules, or a rule's
            durations do not fit its window; the message has a line for each.
    """
    ids = [rule.id for _, rule in named]
    faults = [_unknown(rule_id, ids) for rule_id in chosen.tables if rule_id not in ids]
    flat_id = ids[0] if len(ids) == 1 else _SHIPPED_ID
    if flat_id not in ids:
        tables = " or ".join(f'[rule_settings."{rule_id}"]' for rule_id in ids)
        faults += [f"{name}: several rules are loaded; write it to a table {tables}" for name in chosen.flat]
    rules = []
    for name, rule in named:
        flat = chosen.flat if rule.id == flat_id else {}
        table = chosen.tables.get(rule.id, RuleSettings())
        given = table.model_dump(exclude_none=True, exclude=set(_NOT_THE_RULES))
        changed = replace(rule, **{**flat, **given})
        faults += _disagreements(changed, name, table, chosen.forget_after)
        rules.append(changed)
    if faults:
        raise ValueError("\n".join(faults))
    return rules


def _unknown(rule_id: str, ids: Sequence[str]) -> str:
    close = difflib.get_close_matches(rule_id, ids, n=1)
    hint = f"did you mean {close[0]}?" if close else f"loaded are {', '.join(ids)}"
    return f'rule_settings."{rule_id}": no rule of this id is loaded; {hint}'


def _disagreements(rule: Rule, name: str, table: RuleSettings, forget_after: int) -> list[str]:
    """Return a line for each duration of the rule that does not fit its window, with where it was written."""
    lengths = {"window": rule.window, "forget_after": rule.forget_after or forget_after, "refresh": rule.refresh or 0}
    lines = []
    for field, allowed in disagreements(lengths):
        hint = ""
        length, window = format_duration(lengths[field]), format_duration(rule.window)
        if getattr(table, field) is not None:
            written = f'rule_settings."{rule.id}".{field} = {length}'
        elif getattr(rule, field) is not None:
            written = f"{name}: {field}: {length}"
        else:
            written = f"{field} = {length}"
            hint = "; change --forget-after or --window, or the settings of these names"
        lines.append(f"{written}: {allowed} of {name}, which is {window}{hint}")
    return lines
