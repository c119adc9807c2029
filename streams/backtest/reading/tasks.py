"""What sources and the process pool share: an input is a list of tasks, and reading a task gives chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from streams.backtest.sources.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.backtest.reading.read_stats import ReadStats
    from streams.extraction.sighting import Sighting
    from streams.pipeline import ExtractSettings
    from streams.rules.rule_set import RuleSet
    from streams.sessions.action import Action


class ReadSettings(Struct, frozen=True):
    """How to read.

    Attributes:
        rules: what to look for.
        extract_settings: how to extract sightings, whether to follow root's actions, and the maximum size of a message.
        span: the requested span of time.
        thorough: parse every message, also those without any mark of the rule.
    """

    rules: RuleSet
    extract_settings: ExtractSettings
    span: Span = field(default_factory=Span)
    thorough: bool = False


class Chunk(Struct, frozen=True):
    """The counts, sightings and root actions of a part of the input; chunks may come in any order."""

    stats: ReadStats
    sightings: list[Sighting]
    actions: list[Action] = field(default_factory=list)


class Task(Protocol):
    """A part of the input that one process reads. It can be pickled."""

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the part. Failures of the input are in the stats, never raised."""
