"""The results that a replay is asked for: they are opened before it, observe it, and are written after it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec import Struct, field

from streams.backtest.results.json_lines import AlertLines, check_apart, opened, writing
from streams.backtest.results.loudness.budget import budget_lines, days_over
from streams.backtest.results.loudness.counts import Loudness
from streams.backtest.results.loudness.counts_file import to_json
from streams.backtest.results.loudness.pair import Pair
from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path
    from typing import BinaryIO

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.following import Following, SessionObserver
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.page.report import Report
    from streams.backtest.results.sessions.lines import SessionLines
    from streams.backtest.run import Observer
    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import RuleSet


class Results(Struct, frozen=True):
    """Where the results go.

    Attributes:
        output: the file for alerts; ``None`` is stdout.
        report: the file for the report; ``None`` for no report.
        sessions: the file for activity and summaries of sessions; ``None`` for none.
        compare: the topic of live alerts to compare with; ``None`` for no comparison.
        counts: the file for the counts of alerts; ``None`` for none.
    """

    output: Path | None
    report: Path | None
    sessions: Path | None
    compare: str | None
    counts: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are written."""
        return tuple(path for path in self._by_option().values() if path is not None)

    @property
    def follow_sessions(self) -> bool:
        """Whether root sessions are followed: their file has them, and the report has them (S13)."""
        return self.sessions is not None or self.report is not None

    def check(self, paths: Iterable[str]) -> None:
        """Raise UsageError if a result would be written over an input or another result, or the topic has no name."""
        check_apart(self._by_option(), paths)
        if self.compare is not None and not self.compare:
            raise UsageError("--compare '': give the name of the topic of alerts")

    def _by_option(self) -> dict[str, Path | None]:
        return {
            "--output": self.output,
            "--report": self.report,
            "--sessions": self.sessions,
            "--counts": self.counts,
        }


class Asked(Struct, frozen=True):
    """What is asked about the rules that are decided, the variant included.

    Attributes:
        judged: the rules.
        budgets: the most alerts per day, by rule id.
        is_pair: whether the two rules are compared with each other.
    """

    judged: RuleSet
    budgets: Mapping[str, int] = field(default_factory=dict)
    is_pair: bool = False


class OpenResults(Struct):
    """Open results: a replay tells its ``observers``, and ``following`` gets root's actions.

    Attributes:
        alerts: writes the alerts.
        sessions: writes the sessions; ``None`` if there is no file for them.
        report: collects the report; ``None`` if there is none.
        following: joins the sessions; ``None`` if nobody asks for them.
        loudness: counts the alerts of each rule.
        pair: compares two rules; ``None`` if there are not two.
        budgets: the most alerts per day, by rule id.
    """

    alerts: AlertLines
    loudness: Loudness
    pair: Pair | None = None
    budgets: Mapping[str, int] = field(default_factory=dict)
    sessions: SessionLines | None = None
    report: Report | None = None
    following: Following | None = None
    _page: BinaryIO | None = None
    _page_name: str = ""
    _counts: BinaryIO | None = None
    _counts_name: str = ""

    @classmethod
    def of(cls, results: Results, rules: RuleSet, asked: Asked, stack: ExitStack) -> OpenResults:
        """Open the files. A wrong path is an error at once, not after an hour of reading.

        Args:
            results: where the results go.
            rules: the rules whose sightings are read.
            asked: what is asked about the rules that are decided.
            stack: closes the files.

        Raises:
            UsageError: a file cannot be created.
        """
        stream: BinaryIO = sys.stdout.buffer
        if results.output is not None:
            stream = stack.enter_context(opened("--output", results.output))
        judged = asked.judged
        ids = [each.rule.id for each in judged.rules]
        made = cls(
            AlertLines(stream, str(results.output or "standard output")),
            Loudness(ids),
            Pair(*ids) if asked.is_pair else None,
            asked.budgets,
        )
        if results.report is not None:
            from streams.backtest.results.page.report import Report  # noqa: PLC0415  only this needs the template engine

            followed = frozenset(each.rule.id for each in rules.rules if each.grants_root)
            made.report = Report(judged, followed, made.loudness, made.pair, made.budgets)
            made._page_name = str(results.report)
            made._page = stack.enter_context(opened("--report", results.report))
        if results.counts is not None:
            made._counts_name = str(results.counts)
            made._counts = stack.enter_context(opened("--counts", results.counts))
        if results.sessions is not None:
            from streams.backtest.results.sessions.lines import SessionLines  # noqa: PLC0415  as below

            file = stack.enter_context(opened("--sessions", results.sessions))
            made.sessions = stack.enter_context(SessionLines(file, str(results.sessions)))
        if results.follow_sessions:
            from streams.backtest.following import Following  # noqa: PLC0415  sessions are a twentieth of the start
            from streams.settings.session_rules import load_session_rules  # noqa: PLC0415  as above

            made.following = stack.enter_context(
                Following({each.rule.id for each in rules.rules if each.grants_root}, load_session_rules())
            )
        return made

    @property
    def observers(self) -> list[Observer]:
        """What is told of each decision."""
        found: tuple[Observer | None, ...] = (self.alerts, self.report, self.following, self.loudness, self.pair)
        return [observer for observer in found if observer is not None]

    def write_sessions(self, *more: SessionObserver | None) -> None:
        """Join the sessions after the last decision, tell these observers too, and write the sessions' file.

        Raises:
            OutputError: a file cannot be written.
        """
        self.alerts.flush()
        if self.following is None:
            return
        found: tuple[SessionObserver | None, ...] = (self.sessions, self.report, *more)
        self.following.tell([observer for observer in found if observer is not None])
        if self.sessions is not None:
            self.sessions.write()

    def write_counts(self) -> None:
        """Finish the counts after the last decision, and write their file.

        Raises:
            OutputError: the file cannot be written.
        """
        if self.pair is not None:
            self.pair.finish()
        if self._counts is not None:
            with writing(self._counts_name):
                self._counts.write(to_json(self.loudness, self.budgets, self.pair))
                self._counts.flush()

    @property
    def is_over_budget(self) -> bool:
        """Whether a rule raised more alerts on a day than its budget."""
        return bool(days_over(self.loudness, self.budgets))

    def loudness_lines(self, settings: Mapping[str, DecisionSettings]) -> Iterator[str]:
        """For a person: alerts per day and principal, what is over budget, and the comparison of two rules."""
        yield from self.loudness.lines()
        yield from budget_lines(days_over(self.loudness, self.budgets), self.loudness, settings)
        if self.pair is not None:
            yield from self.pair.lines()

    def write_report(self, stats: ReadStats, verdicts: Verdicts, used: Sequence[tuple[str, str]]) -> None:
        """Write the report, after everything else; the arguments are those of ``Report.page``.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._page is not None and self.report is not None:
            with writing(self._page_name):
                self._page.write(self.report.page(stats, verdicts, used).encode())
                self._page.flush()
