"""``rootwatch backtest``: replays the past and prints the alerts that a rule would have raised."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  typer reads it
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from streams import settings
from streams.backtest.results import progress, summary
from streams.backtest.results.compare import Comparison
from streams.backtest.results.compare import lines as comparison_lines
from streams.backtest.results.json_lines import AlertLines, check_apart, opened, writing
from streams.backtest.results.used_options import options_used, settings_used
from streams.backtest.run import ReplaySettings, replay
from streams.backtest.sources import choose
from streams.backtest.sources.request import ReplayRequest, replay_request
from streams.commands.terminal import replay_options as options  # noqa: TC001  typer reads it
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import cores, say
from streams.errors import UsageError

if TYPE_CHECKING:
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.compare import Difference
    from streams.backtest.results.report import Report
    from streams.backtest.run import Observer
    from streams.pipeline import DecisionSettings
    from streams.rules.rule import Rule
    from streams.settings import Settings


def backtest(  # noqa: PLR0913  one for each option
    *,
    paths: options.Paths = None,
    topic: options.Topic = None,
    start: options.Start = None,
    end: options.End = None,
    from_offset: options.FromOffset = None,
    to_offset: options.ToOffset = None,
    allow_truncated: options.AllowTruncated = False,
    window: Annotated[
        str | None, typer.Option(help="How long a pair stays known after it was last seen, such as 10d.")
    ] = None,
    forget_after: Annotated[
        str | None, typer.Option(help="How long after it was last seen a pair counts as never seen.")
    ] = None,
    learn_until: Annotated[str | None, typer.Option(help="Up to this time sightings teach and do not alert.")] = None,
    principal: options.Principal = None,
    member_account: options.MemberAccount = None,
    clock: options.Clock = None,
    max_alerts: Annotated[
        str | None, typer.Option(help="How many alerts a principal may raise in five minutes; 0 is no cap.")
    ] = None,
    exceptions: Annotated[
        str | None, typer.Option(help=r"A TOML file of \[\[exception]] tables.", metavar="FILE")
    ] = None,
    rule: options.RuleFile = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the alerts there, and nothing to stdout.", metavar="FILE")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page there.", metavar="FILE.html")] = None,
    compare: Annotated[
        str | None,
        typer.Option(help="Compare with the live alerts of this topic; exit 1 if they differ.", metavar="TOPIC"),
    ] = None,
    processes: options.Processes = None,
    thorough: options.Thorough = False,
    config: Config = None,
) -> None:
    """Replay past records from files or a topic and print the alerts as JSON lines. Touches no live state.

    What is not given as an option is taken from the settings.

    Exit codes: 0 replayed; 1 something could not be read or written, or differs; 2 wrong usage.
    """
    chosen = {
        "window": window,
        "forget_after": forget_after,
        "learn_until": learn_until,
        "principal": principal,
        "member_account": member_account,
        "clock": clock,
        "max_alerts": max_alerts,
        "exceptions": exceptions,
        "rule": rule,
    }
    request = replay_request(
        tuple(paths or ()),
        topic,
        start=start,
        end=end,
        from_offset=from_offset,
        to_offset=to_offset,
        apart=tuple(path for path in (output, report) if path is not None),
        thorough=thorough,
    )
    check_apart({"--output": output, "--report": report}, paths or ())
    if compare is not None and not compare:
        raise UsageError("--compare '': give the name of the topic of alerts")
    configured = settings.load(config, **chosen)
    if topic is None and configured.clock == "record":
        raise UsageError("clock = record needs --topic: files have no Kafka timestamps")
    stats, differences = _run(request, configured, Results(output, report, compare), processes or cores())
    if stats.failures or differences or (stats.truncated and not allow_truncated):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Results:
    """Where what was found goes.

    Attributes:
        output: the alerts' file; ``None`` is stdout.
        report: the page's file, if one is wanted.
        compare: the topic of live alerts to compare with, if that is wanted.
    """

    output: Path | None
    report: Path | None
    compare: str | None


def _run(
    request: ReplayRequest, configured: Settings, results: Results, processes: int
) -> tuple[ReadStats, list[Difference]]:
    """Replay, write everything and say everything. Returns what was read, and what differs from the live run."""
    rule = configured.load_rule()
    decision_settings = configured.decision_settings(rule)
    with ExitStack() as stack:
        stream: BinaryIO = sys.stdout.buffer
        if results.output is not None:
            stream = stack.enter_context(opened("--output", results.output))
        page = None if results.report is None else stack.enter_context(opened("--report", results.report))
        source = choose.choose(request, configured, processes)
        comparison = _comparison(results.compare, configured, rule, decision_settings)
        report = None if page is None else _empty_report()
        lines = AlertLines(stream, str(results.output or "standard output"))
        observers: list[Observer] = [lines]
        observers += [report] if report is not None else []
        observers += [comparison] if comparison is not None else []
        how = ReplaySettings(
            choose.read_settings(request, source, rule, configured.extract_settings()), decision_settings, processes
        )
        with progress.shown(source) as bar:
            stats, verdicts = replay(source, how, observers, bar)
        lines.flush()
        if page is not None and report is not None:
            used = (*options_used(request), *settings_used(configured, decision_settings))
            with writing(str(results.report)):
                page.write(report.page(rule, stats, verdicts, used).encode())
                page.flush()
    for line in (*summary.reading_lines(stats), *summary.verdict_lines(verdicts, decision_settings)):
        say(line)
    if comparison is None:
        return stats, []
    differences = comparison.differences(comparison.replayed_span(request))
    for line in comparison_lines(str(results.compare), comparison, differences):
        say(line)
    return stats, differences


def _empty_report() -> Report:
    from streams.backtest.results.report import Report  # noqa: PLC0415  only this needs the template engine

    return Report()


def _comparison(
    topic: str | None, configured: Settings, rule: Rule, decision_settings: DecisionSettings
) -> Comparison | None:
    """What compares with the live alerts of a topic; they are read before anything else, so that all may be told."""
    if topic is None:
        return None
    from streams.kafka.alert_reader import distinct_alerts  # noqa: PLC0415  only this needs a Kafka client

    live = distinct_alerts(configured, topic, rule.id)
    overflow = distinct_alerts(configured, f"{topic}.overflow", rule.id, may_be_missing=True)
    return Comparison(live, overflow, decision_settings)
