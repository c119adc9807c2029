"""``rootwatch backtest``: replays past records and prints the alerts that a rule would have raised."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from streams import settings
from streams.backtest.following import Following
from streams.backtest.results import progress, summary
from streams.backtest.results.compare import Comparison, comparison_lines
from streams.backtest.results.json_lines import AlertLines, check_apart, opened, writing
from streams.backtest.results.report_options import setting_options, source_options
from streams.backtest.run import ReplaySettings, replay
from streams.backtest.sources.request import ReplayRequest, replay_request
from streams.backtest.sources.select_input import read_settings, select_input
from streams.commands.terminal import replay_options as options  # noqa: TC001  typer reads it
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import cores, say
from streams.errors import UsageError
from streams.settings.session_rules import load_session_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.compare import Difference
    from streams.backtest.results.report import Report
    from streams.backtest.run import Observer
    from streams.pipeline import DecisionSettings
    from streams.rules.rule import Rule
    from streams.settings import Settings


Window = Annotated[str | None, typer.Option(help="How long a pair stays known after it was last seen, such as 10d.")]
ForgetAfter = Annotated[str | None, typer.Option(help="How long after it was last seen a pair counts as never seen.")]
LearnUntil = Annotated[str | None, typer.Option(help="Up to this time sightings teach and do not alert.")]
MaxAlerts = Annotated[str | None, typer.Option(help="Maximum alerts per principal per five minutes; 0 is no cap.")]
Exceptions = Annotated[str | None, typer.Option(help=r"A TOML file of \[\[exception]] tables.", metavar="FILE")]
Output = Annotated[
    Path | None, typer.Option(help="Write the alerts to this file, and nothing to stdout.", metavar="FILE")
]
ReportFile = Annotated[Path | None, typer.Option(help="Write an HTML report to this file.", metavar="FILE.html")]
Sessions = Annotated[
    Path | None,
    typer.Option(help="Write what was done in the root sessions to this file, as JSON lines.", metavar="FILE"),
]
Compare = Annotated[
    str | None,
    typer.Option(help="Compare with the live alerts of this topic; exit 1 if they differ.", metavar="TOPIC"),
]


def backtest(  # noqa: PLR0913  one for each option
    *,
    paths: options.Paths = None,
    topic: options.Topic = None,
    start: options.Start = None,
    end: options.End = None,
    from_offset: options.FromOffset = None,
    to_offset: options.ToOffset = None,
    allow_truncated: options.AllowTruncated = False,
    window: Window = None,
    forget_after: ForgetAfter = None,
    learn_until: LearnUntil = None,
    principal: options.Principal = None,
    member_account: options.MemberAccount = None,
    clock: options.Clock = None,
    max_alerts: MaxAlerts = None,
    exceptions: Exceptions = None,
    rule: options.RuleFile = None,
    output: Output = None,
    report: ReportFile = None,
    sessions: Sessions = None,
    compare: Compare = None,
    processes: options.Processes = None,
    thorough: options.Thorough = False,
    config: Config = None,
) -> None:
    """Replay past records from files or a topic and print the alerts as JSON lines. Touches no live state.

    An option that is not given takes its value from the settings.

    Exit codes: 0 replayed; 1 something could not be read or written, or differs; 2 wrong usage.
    """
    results = Results(output, report, sessions, compare)
    request = replay_request(
        paths or (),
        topic,
        start=start,
        end=end,
        from_offset=from_offset,
        to_offset=to_offset,
        apart=results.files,
        thorough=thorough,
    )
    results.check(paths or ())
    configured = _configured(
        config,
        topic,
        window=window,
        forget_after=forget_after,
        learn_until=learn_until,
        principal=principal,
        member_account=member_account,
        clock=clock,
        max_alerts=max_alerts,
        exceptions=exceptions,
        rule=rule,
    )
    stats, differences = _run(request, configured, results, processes or cores())
    if stats.failures or differences or (stats.truncated and not allow_truncated):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results go.

    Attributes:
        output: the file for alerts; ``None`` is stdout.
        report: the file for the report; ``None`` for no report.
        sessions: the file for activity and summaries of sessions; ``None`` to follow none.
        compare: the topic of live alerts to compare with; ``None`` for no comparison.
    """

    output: Path | None
    report: Path | None
    sessions: Path | None
    compare: str | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are written."""
        return tuple(path for path in (self.output, self.report, self.sessions) if path is not None)

    def check(self, paths: Iterable[str]) -> None:
        """Raise UsageError if a result would be written over an input or another result, or the topic has no name."""
        check_apart({"--output": self.output, "--report": self.report, "--sessions": self.sessions}, paths)
        if self.compare is not None and not self.compare:
            raise UsageError("--compare '': give the name of the topic of alerts")


def _configured(config: Path | None, topic: str | None, **chosen: str | None) -> Settings:
    """The settings with the options' values.

    Raises:
        SettingsError: a setting is wrong.
        UsageError: files are to be read by a clock that they do not have.
    """
    configured = settings.load(config, **chosen)
    if topic is None and configured.clock == "record":
        raise UsageError("clock = record needs --topic: files have no Kafka timestamps")
    return configured


def _run(
    request: ReplayRequest, configured: Settings, results: Results, processes: int
) -> tuple[ReadStats, list[Difference]]:
    """Replay, write the results and print the summary. Returns what was read, and what differs from the live run."""
    rule = configured.load_rule()
    decision_settings = configured.decision_settings(rule)
    with ExitStack() as stack:
        # Files are opened before anything is read, so that a wrong path is an error at once, not after an hour.
        stream: BinaryIO = sys.stdout.buffer
        if results.output is not None:
            stream = stack.enter_context(opened("--output", results.output))
        page = None if results.report is None else stack.enter_context(opened("--report", results.report))
        following = _following(stack, results.sessions, rule)
        source = select_input(request, configured, processes)
        comparison = _comparison(results.compare, configured, rule, decision_settings)
        report = None if page is None else _empty_report()
        lines = AlertLines(stream, str(results.output or "standard output"))
        extract_settings = replace(configured.extract_settings(), follow_sessions=following is not None)
        sought = read_settings(request, source, rule, extract_settings)
        how = ReplaySettings(sought, decision_settings, processes)
        observers: tuple[Observer | None, ...] = (lines, report, comparison, following)
        with progress.shown(source) as bar:
            stats, verdicts = replay(
                source,
                how,
                [observer for observer in observers if observer is not None],
                bar,
                None if following is None else following.add_actions,
            )
        lines.flush()
        if following is not None:
            following.write()
        if page is not None and report is not None:
            used = (*source_options(request), *setting_options(configured, decision_settings))
            with writing(str(results.report)):
                page.write(report.page(rule, stats, verdicts, used).encode())
                page.flush()
    _say_summary(stats, verdicts, decision_settings)
    return stats, [] if comparison is None else _say_differences(str(results.compare), comparison, request)


def _following(stack: ExitStack, path: Path | None, rule: Rule) -> Following | None:
    """What follows the root sessions and writes them to a file; ``None`` if there is no file to write."""
    if path is None:
        return None
    stream = stack.enter_context(opened("--sessions", path))
    return stack.enter_context(Following(rule.id, load_session_rules(), stream, str(path)))


def _say_summary(stats: ReadStats, verdicts: Verdicts, decision_settings: DecisionSettings) -> None:
    for line in (*summary.reading_lines(stats), *summary.verdict_lines(verdicts, decision_settings)):
        say(line)


def _say_differences(topic: str, comparison: Comparison, request: ReplayRequest) -> list[Difference]:
    differences = comparison.differences(comparison.replayed_span(request))
    for line in comparison_lines(topic, comparison, differences):
        say(line)
    return differences


def _empty_report() -> Report:
    from streams.backtest.results.report import Report  # noqa: PLC0415  only this needs the template engine

    return Report()


def _comparison(
    topic: str | None, configured: Settings, rule: Rule, decision_settings: DecisionSettings
) -> Comparison | None:
    """The comparison with a topic's live alerts. All are read now, before the first decision."""
    if topic is None:
        return None
    from streams.kafka.alert_reader import distinct_alerts  # noqa: PLC0415  only this needs a Kafka client

    live = distinct_alerts(configured, topic, rule.id)
    overflow = distinct_alerts(configured, f"{topic}.overflow", rule.id, may_be_missing=True)
    return Comparison(live, overflow, decision_settings)
