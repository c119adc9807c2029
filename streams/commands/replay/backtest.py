"""``rootwatch backtest``: replays past records and prints the alerts that a rule would have raised."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from streams import settings
from streams.backtest.evaluation import Judging
from streams.backtest.results import progress, summary
from streams.backtest.results.compare import Comparison, comparison_lines
from streams.backtest.results.loudness.budget import parse_budgets
from streams.backtest.results.page.options import setting_options, source_options
from streams.backtest.results.results import Asked, OpenResults, Results
from streams.backtest.run import ReplaySettings, replay
from streams.backtest.sources.request import ReplayRequest, replay_request
from streams.backtest.sources.select_input import read_settings, select_input
from streams.backtest.sources.span import Span
from streams.backtest.variant import with_variant
from streams.commands.terminal import replay_options as options  # noqa: TC001  typer reads it
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import cores, say, say_what_rules_need
from streams.errors import UsageError
from streams.pipeline import view_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.sessions.compare import SessionComparison
    from streams.backtest.run import Observer
    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings


_A_PAIR = 2

Window = Annotated[str | None, typer.Option(help="How long a tuple stays known after it was last seen, such as 10d.")]
ForgetAfter = Annotated[str | None, typer.Option(help="How long after it was last seen a tuple counts as never seen.")]
LearnUntil = Annotated[str | None, typer.Option(help="Up to this time sightings teach and do not alert.")]
MaxAlerts = Annotated[
    str | None, typer.Option(help="Maximum alerts per value of the first term and cap period; 0 is no cap.")
]
Exceptions = Annotated[str | None, typer.Option(help=r"A TOML file of \[\[exception]] tables.", metavar="FILE")]
Output = Annotated[
    Path | None, typer.Option(help="Write the alerts to this file, and nothing to stdout.", metavar="FILE")
]
ReportFile = Annotated[
    Path | None, typer.Option(help="Write an HTML report to this file, with the root sessions.", metavar="FILE.html")
]
Sessions = Annotated[
    Path | None,
    typer.Option(help="Write what was done in the root sessions to this file, as JSON lines.", metavar="FILE"),
]
Compare = Annotated[
    str | None,
    typer.Option(
        help="Compare with the live alerts of this topic; exit 1 if they differ. With --sessions, compare also the "
        "sessions, with the topics of activity and summaries that have the same prefix.",
        metavar="TOPIC",
    ),
]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        help="Decide also with this changed: window, forget_after, learn or max_alerts, such as window=7d. Says which "
        "events only the rule and only the variant alerts on. Of one rule; may be repeated for one variant.",
        metavar="NAME=VALUE",
    ),
]
Budgets = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        help="Exit 1 if a rule raises more alerts on a UTC day, such as 5/day; of one rule: RULE_ID=5/day. May be "
        "repeated.",
        metavar="N/day",
    ),
]
Counts = Annotated[
    Path | None,
    typer.Option(
        help="Write the alerts per rule, day and principal to this file as JSON, with what is over budget and what "
        "only one of two rules alerts on.",
        metavar="FILE.json",
    ),
]


class _Questions(Struct, frozen=True):
    """What is asked beside the alerts: the options of these names, and whether rules were chosen with ``--rule``."""

    variant: Sequence[str]
    budget: Sequence[str]
    has_rules: bool

    def judging(self, of_rules: Judging) -> tuple[Judging, Asked]:
        """How to decide, with the variant, and what is asked about it.

        Raises:
            UsageError: the variant or a budget is none.
        """
        judging = with_variant(of_rules, self.variant) if self.variant else of_rules
        ids = list(judging.rules.by_id)
        is_pair = len(ids) == _A_PAIR and (self.has_rules or bool(self.variant))
        return judging, Asked(judging.rules, parse_budgets(self.budget, ids), is_pair)


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
    rule: options.Rules = None,
    variant: Variants = None,
    budget: Budgets = None,
    output: Output = None,
    report: ReportFile = None,
    sessions: Sessions = None,
    compare: Compare = None,
    counts: Counts = None,
    processes: options.Processes = None,
    thorough: options.Thorough = False,
    config: Config = None,
) -> None:
    """Replay past records from files or a topic and print the alerts as JSON lines. Touches no live state.

    An option that is not given takes its value from the settings. With two rules, given with --rule or --variant, it
    says which events only one of them alerts on.

    Exit codes: 0 replayed; 1 something could not be read or written, differs, or is over budget; 2 wrong usage.

    Examples:
        rootwatch backtest archive/ --report report.html
        rootwatch backtest s3://trail/AWSLogs/ --learn-until 2026-01-31
        rootwatch backtest --topic cloudtrail --compare rootwatch.alerts
        rootwatch backtest archive/ --rule my-rules/ --budget 5/day
    """
    results = Results(output, report, sessions, compare, counts)
    if variant and compare is not None:
        raise UsageError("--variant and --compare: live there is no variant; give one of them")
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
        rules=rule or None,
    )
    questions = _Questions(variant or (), budget or (), bool(rule))
    stats, has_problem = _run(request, configured, results, questions, processes or cores())
    if stats.failures or has_problem or (stats.truncated and not allow_truncated):
        raise typer.Exit(1)


def _configured(config: Path | None, topic: str | None, **chosen: str | list[str] | None) -> Settings:
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
    request: ReplayRequest, configured: Settings, results: Results, questions: _Questions, processes: int
) -> tuple[ReadStats, bool]:
    """Replay, write the results and print the summary.

    Returns what was read, and whether the live run differs or a rule is over its budget.
    """
    rules = configured.load_rules()
    say_what_rules_need(rules, configured.geoip_database)
    extract_settings = replace(configured.extract_settings(), follow_sessions=results.follow_sessions)
    view_of_sighting = partial(view_of, extract_settings=extract_settings)
    judging, asked = questions.judging(Judging(rules, configured.decision_settings(rules), view_of_sighting))
    settings_of_rules = judging.settings
    with ExitStack() as stack:
        opened = OpenResults.of(results, rules, asked, stack)
        source = select_input(request, configured, processes)
        comparison = _comparison(results.compare, configured, settings_of_rules, rules)
        of_sessions = _comparison_of_sessions(results, configured, settings_of_rules)
        sought = read_settings(request, source, rules, extract_settings)
        observers: list[Observer] = opened.observers
        if comparison is not None:
            observers.append(comparison)
        with progress.shown(source, prints_alerts=results.output is None) as bar:
            how = ReplaySettings(sought, judging, processes)
            take_actions = None if opened.following is None else opened.following.add_actions
            stats, verdicts = replay(source, how, observers, bar, take_actions)
        opened.write_sessions(of_sessions)
        opened.write_counts()
        options = (*source_options(request), *setting_options(configured, settings_of_rules))
        opened.write_report(stats, verdicts, options)
    _say_summary(stats, verdicts, judging.rules, configured)
    for line in opened.loudness_lines(settings_of_rules):
        say(line)
    is_different = False
    if comparison is not None:
        is_different = _say_differences(str(results.compare), comparison, request)
        if of_sessions is not None:
            is_different |= _say_session_differences(of_sessions, comparison, request)
    return stats, is_different or opened.is_over_budget


def _say_summary(stats: ReadStats, verdicts: Verdicts, rules: RuleSet, configured: Settings) -> None:
    exceptions = configured.load_exceptions()
    reading = (*summary.reading_lines(stats), *summary.taking_lines(stats, rules))
    for line in (*reading, *summary.verdict_lines(verdicts, rules, exceptions)):
        say(line)


def _say_differences(topic: str, comparison: Comparison, request: ReplayRequest) -> bool:
    differences = comparison.differences(comparison.replayed_span(request))
    for line in comparison_lines(topic, comparison, differences):
        say(line)
    return bool(differences)


def _say_session_differences(of_sessions: SessionComparison, comparison: Comparison, request: ReplayRequest) -> bool:
    given = request.span if request.topic is None else Span()  # of a topic, it is no span of event time
    found = of_sessions.compare(comparison.replayed_span(request), given)
    for compared in found:
        for line in compared.lines():
            say(line)
    return any(compared.differences for compared in found)


def _comparison(
    topic: str | None, configured: Settings, settings_of_rules: Mapping[str, DecisionSettings], rules: RuleSet
) -> Comparison | None:
    """The comparison with a topic's live alerts. All are read now, before the first decision."""
    if topic is None:
        return None
    from streams.kafka.readers.alerts import distinct_alerts  # noqa: PLC0415  only this needs a Kafka client

    live = distinct_alerts(configured, topic, settings_of_rules)
    overflow = distinct_alerts(configured, f"{topic}.overflow", settings_of_rules, may_be_missing=True)
    return Comparison(live, overflow, settings_of_rules, rules)


def _comparison_of_sessions(
    results: Results, configured: Settings, rule_ids: Collection[str]
) -> SessionComparison | None:
    """The comparison with the live sessions beside the topic of alerts, if sessions are to be written too."""
    if results.compare is None or results.sessions is None:
        return None
    from streams.backtest.results.sessions.compare import SessionComparison, SessionTopics  # noqa: PLC0415  as below
    from streams.kafka.readers.published import Source  # noqa: PLC0415  only this needs a Kafka client
    from streams.kafka.readers.rule_values import values_of_rules  # noqa: PLC0415  as above
    from streams.wire.sessions.published import ACTIVITY, SUMMARY  # noqa: PLC0415  as above

    topics = SessionTopics.beside(results.compare, configured)
    activity = values_of_rules(configured, Source(topics.activity, ACTIVITY.read), rule_ids)
    summaries = values_of_rules(configured, Source(topics.summaries, SUMMARY.read), rule_ids)
    return SessionComparison(topics, activity, summaries)
