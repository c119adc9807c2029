"""The options in a report: what was replayed, and with which settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.duration import format_duration
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.backtest.sources.request import ReplayRequest
    from streams.pipeline import DecisionSettings
    from streams.settings import Settings


def source_options(request: ReplayRequest) -> Iterator[tuple[str, str]]:
    """The options that say what was read; options that were not given are left out."""
    if request.topic is None:
        yield "files", ", ".join(request.paths)
    else:
        yield "topic", request.topic
    for name, time in (("from", request.span.start), ("to", request.span.end)):
        if time is not None:
            yield name, to_iso8601(time)
    for name, offsets in (("from_offset", request.from_offsets), ("to_offset", request.to_offsets)):
        if offsets:
            yield name, ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))
    if request.thorough:
        yield "thorough", "every message parsed"


def setting_options(settings: Settings, of_rules: Mapping[str, DecisionSettings]) -> Iterator[tuple[str, str]]:
    """The settings that decide about alerts; those of each rule name it if there are several."""
    yield "rules", ", ".join(settings.rule_entries)
    for rule_id, of_rule in of_rules.items():
        of = f" of {rule_id}" if len(of_rules) > 1 else ""
        yield f"window{of}", format_duration(of_rule.window)
        yield f"forget_after{of}", format_duration(of_rule.forget_after)
        yield f"learn_until{of}", "none" if of_rule.learn_until is None else to_iso8601(of_rule.learn_until)
        if of_rule.learn is not None:
            yield f"learn{of}", format_duration(of_rule.learn)
        yield f"max_alerts{of}", "no cap" if of_rule.max_alerts == 0 else str(of_rule.max_alerts)
    yield "principal", settings.principal
    yield "member_account", settings.member_account
    yield "clock", settings.clock
    yield "exceptions", str(settings.exceptions or "none")
