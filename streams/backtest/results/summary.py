"""The summary of a replay, for a person, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.backtest.reading.read_stats import LOCATIONS_SHOWN
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.reading.read_stats import ReadStats
    from streams.detection.exception import ExceptionEntry

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


def verdict_lines(verdicts: Verdicts, exceptions: Sequence[ExceptionEntry]) -> Iterator[str]:
    """What was decided."""
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
    if verdicts.first is not None and verdicts.last is not None:
        yield f"span         {to_iso8601(verdicts.first)} to {to_iso8601(verdicts.last)}"
    busiest = sorted(verdicts.principals.items(), key=lambda item: (-item[1], item[0]))[:BUSIEST_SHOWN]
    for number, (principal, count) in enumerate(busiest):
        yield f"{'busiest' if number == 0 else '':12} {count:,} sightings by {principal}"
