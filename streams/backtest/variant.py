"""A variant of a rule: the same rule with other settings, decided on the same sightings beside it (U13)."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from msgspec import structs

from streams.errors import UsageError
from streams.rules.duration import format_duration, milliseconds
from streams.rules.rule import MOST_ALERTS
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.backtest.evaluation import Judging
    from streams.detection.exception import ExceptionEntry

SUFFIX = ".variant"
_LONGEST_ID = 128
_DURATIONS = ("window", "forget_after", "learn")
_COUNTS = ("max_alerts",)


def with_variant(judging: Judging, changes: Sequence[str]) -> Judging:
    """The same way to decide, with a variant of its one rule; the variant's id is the rule's with ``.variant``.

    Args:
        judging: how to decide on the sightings of the rule.
        changes: what is different, each as ``NAME=VALUE``.

    Raises:
        UsageError: several rules run, or a change is none.
    """
    if len(judging.rules.rules) != 1:
        ids = ", ".join(judging.rules.by_id)
        raise UsageError(f"--variant: it is of one rule, and several run; name one with --rule: {ids}")
    rule = judging.rules.rules[0].rule
    variant_id = rule.id[: _LONGEST_ID - len(SUFFIX)] + SUFFIX
    changed: dict[str, Any] = dict(map(_change, changes))
    settings = judging.settings[rule.id]
    window, forgotten = (changed.get(name, getattr(settings, name)) for name in ("window", "forget_after"))
    if forgotten < window:
        raise UsageError(
            f"--variant {' '.join(changes)}: forget_after {format_duration(forgotten)} is shorter than the window "
            f"{format_duration(window)}: change both"
        )
    of_variant = replace(settings, **changed, exceptions=_of_variant(settings.exceptions, rule.id))
    variant = replace(rule, id=variant_id, name=f"{rule.name} ({', '.join(changes)})", **changed)
    return structs.replace(
        judging,
        rules=RuleSet([rule, variant]),
        settings={**judging.settings, variant_id: of_variant},
        variants={rule.id: variant_id},
    )


def _change(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    try:
        if name in _DURATIONS and (value != "0s" or name == "learn") and (length := milliseconds(value)) >= 0:
            return name, length
        if name in _COUNTS and value.isascii() and value.isdigit() and int(value) <= MOST_ALERTS:
            return name, int(value)
    except ValueError as error:
        raise UsageError(f"--variant {text}: {error}") from error
    raise UsageError(
        f"--variant {text}: write window, forget_after or learn with a duration, such as window=7d, "
        f"or max_alerts with a number up to {MOST_ALERTS}"
    )


def _of_variant(exceptions: Sequence[ExceptionEntry], rule_id: str) -> tuple[ExceptionEntry, ...]:
    """The exceptions, so that each matches the variant if it matches the rule."""
    return tuple(
        entry if entry.rule is None else replace(entry, rule="*" if fnmatchcase(rule_id, entry.rule) else "")
        for entry in exceptions
    )
