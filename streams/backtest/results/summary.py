"""The summary of a replay, for a person, on stderr."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streams.backtest.reading.read_stats import LOCATIONS_SHOWN
from streams.pipeline import MOST_COMBINATIONS
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.reading.read_stats import ReadStats
    from streams.detection.exception import ExceptionEntry
    from streams.pipeline import Taking
    from streams.rules.rule import Rule
    from streams.rules.rule_set import RuleSet

BUSIEST_SHOWN = 5
_MALFORMED = ("malformed", "unknown-shape", "too-large")


def reading_lines(stats: ReadStats) -> Iterator[str]:
    """What was read, and the errors in it."""
    unmarked = (
        f" ({stats.unmarked:,} without any mark of the rule: only first and last bytes checked; --thorough parses them)"
        * bool(stats.unmarked)
    )
    yield f"messages     {stats.messages:,}{unmarked}"
    yield f"records      {stats.records:,}"
    outside = f" ({stats.outside_span:,} more outside --from and --to)" * bool(stats.outside_span)
    yield f"sightings    {stats.sightings:,}{outside}"
    yield f"incomplete   {stats.rejected['incomplete']:,}"
    malformed = {reason: stats.rejected[reason] for reason in _MALFORMED if stats.rejected[reason]}
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in malformed.items())
    yield f"malformed    {sum(malformed.values()):,}{f' ({reasons})' if malformed.keys() - {'malformed'} else ''}"
    for rejection in stats.rejections:
        yield f"  {rejection.location}: {rejection.reason}: {rejection.error}"
    if stats.rejected.total() > LOCATIONS_SHOWN:
        yield f"  … and {stats.rejected.total() - len(stats.rejections):,} more"
    for source, error in sorted(stats.failures):
        yield f"not read     {source}: {error}"
    for line in sorted(stats.truncated):
        yield f"truncated    {line}"
    for warning in sorted(stats.warnings):
        yield f"warning      {warning}"


def taking_lines(stats: ReadStats, rules: RuleSet) -> Iterator[str]:
    """The taken records that gave no sighting, or not all, by rule; incomplete ones have a line of their own."""
    for compiled in rules.rules:
        taking = stats.rules.get(compiled.rule.id)
        words = [] if taking is None else list(shortfalls(taking, compiled.rule))
        if words:
            of_rule = "" if len(rules.rules) == 1 else f"{compiled.rule.id}: "
            yield f"no event     {of_rule}{', '.join(words)}"


def shortfalls(taking: Taking, rule: Rule) -> Iterator[str]:
    """In words, how many records of a rule gave no sighting, and how many combinations were cut (U3, U4)."""
    if rule.incomplete == "count":
        for name, count in sorted(taking.missing_terms.items()):
            yield f"{count:,} without {name}"
        if taking.no_time:
            yield f"{taking.no_time:,} without a valid time"
    if taking.cut:
        yield f"{taking.cut:,} combinations over {MOST_COMBINATIONS} of a record"


def verdict_lines(verdicts: Verdicts, rules: RuleSet, exceptions: Sequence[ExceptionEntry]) -> Iterator[str]:
    """What was decided; if there are several rules, also of each."""
    counted = verdicts.outcomes
    by_kind = ", ".join(f"{severity} {kind} {count:,}" for (severity, kind), count in sorted(verdicts.alerts.items()))
    yield f"alerts       {counted['alert']:,}{f' ({by_kind})' if by_kind else ''}"
    yield f"overflow     {counted['overflow']:,}"
    yield f"known        {counted['known'] + counted['late']:,}"
    yield f"learned      {counted['learned']:,}"
    for outcome in ("unknown", "gone"):
        if counted[outcome]:
            yield f"{outcome:12} {counted[outcome]:,}"
    yield f"excepted     {counted['excepted']:,}"
    for position, count in sorted(verdicts.excepted.items()):
        reason = exceptions[position].reason or "no reason given"
        yield f"  exception {position + 1}: {count:,} ({reason})"
    several = len(rules.rules) > 1
    if several:
        for rule_id in sorted({*rules.by_id, *verdicts.rules}):
            yield f"rule         {rule_id}: {outcome_words(verdicts.rules.get(rule_id, Counter()))}"
    if verdicts.first is not None and verdicts.last is not None:
        yield f"span         {to_iso8601(verdicts.first)} to {to_iso8601(verdicts.last)}"
    busiest = sorted(verdicts.groups.items(), key=lambda item: (-item[1], item[0]))[:BUSIEST_SHOWN]
    for number, ((rule_id, first), count) in enumerate(busiest):
        of_rule = f" of {rule_id}" if several else ""
        yield f"{'busiest' if number == 0 else '':12} {count:,} sightings{of_rule} by {first}"


def outcome_words(outcomes: Counter[str]) -> str:
    """The counts of what was decided on the sightings of one rule, in words."""
    counts = [(outcomes.total(), "sightings"), (outcomes["alert"], "alerts"), (outcomes["overflow"], "overflow")]
    counts += [(outcomes["known"] + outcomes["late"], "known")]
    counts += [(outcomes[outcome], outcome) for outcome in ("learned", "excepted")]
    counts += [(outcomes[outcome], outcome) for outcome in ("unknown", "gone") if outcomes[outcome]]
    return ", ".join(f"{word} {count:,}" for count, word in counts)
