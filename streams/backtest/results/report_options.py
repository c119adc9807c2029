"""The options in a report: what was replayed, and with which settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.duration import format_duration
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def setting_options(settings: Settings, decision_settings: DecisionSettings) -> Iterator[tuple[str, str]]:
    """The settings that decide about alerts."""
    yield "rule", ", ".join(settings.rule_entries)
    yield "window", format_duration(decision_settings.window)
    yield "forget_after", format_duration(decision_settings.forget_after)
    yield "learn_until", "none" if decision_settings.learn_until is None else to_iso8601(decision_settings.learn_until)
    yield "principal", settings.principal
    yield "member_account", settings.member_account
    yield "clock", decision_settings.clock
    yield "max_alerts", "no cap" if decision_settings.max_alerts == 0 else str(decision_settings.max_alerts)
    yield "exceptions", str(settings.exceptions or "none")
