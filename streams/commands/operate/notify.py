"""``rootwatch notify``: tells people of alerts, through the services that Apprise knows."""

from __future__ import annotations

import signal
import sys
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams import log, settings
from streams.commands.terminal.options import Config, parse_from
from streams.commands.terminal.replay_options import say
from streams.errors import UsageError
from streams.kafka.admin import check_topic
from streams.notices.dry_run import previews
from streams.notices.follow import Follower, FollowSettings, Services, stop_on_signals
from streams.notices.messages.compose import Choice
from streams.notices.messages.notice import SEVERITIES, Runbook, Severity, Threshold
from streams.notices.messages.trial import TRIAL
from streams.notices.metrics import NoticeMetrics
from streams.notices.sending.addresses import read_addresses
from streams.notices.sending.replies import Verdict
from streams.notices.sending.sender import Patience
from streams.notices.sending.service import AppriseService
from streams.settings.values import parse_duration_or_zero
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.kafka.readers.published import UnreadableValue
    from streams.notices.sending.service import Service
    from streams.settings import Settings

_LONGEST_RISK = 100


Urls = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="URL…",
        help="Who is told, as Apprise's URLs (slack://…, pagerduty://…, mailto://…). They hold secrets, so better "
        "file:PATH (a URL per line) or env:NAME.",
    ),
]
UrlFiles = Annotated[
    list[Path] | None, typer.Option("--url-file", metavar="FILE", help="The same as file:FILE; may be repeated.")
]
LowestSeverity = Annotated[str, typer.Option(help="The lowest severity that is told: low, medium, high or critical.")]
MinRisk = Annotated[int, typer.Option(help="The lowest risk score of alerts that are told, 0 to 100.")]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Begin with what was written to the topics since then, if the group has committed nothing yet. "
        "Default: with what comes from now on.",
    ),
]
Group = Annotated[str | None, typer.Option(help="The consumer group. Default: the setting group_id and -notify.")]
Sessions = Annotated[
    bool, typer.Option("--sessions/--no-sessions", help="Tell also what was done in the root sessions.")
]
RunbookLink = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The link in each notice, with {rule_id} and {alert_id} where these belong. Default: the rule's "
        "first reference.",
    ),
]
GiveUpAfter = Annotated[
    str, typer.Option(metavar="DURATION", help="How long a notice is tried, such as 1d; 0s is for ever.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port", metavar="PORT", min=1, max=65_535, help="Serve Prometheus' metrics here, on http_host."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be sent of what is on the topics now; send nothing.")
]
Test = Annotated[
    bool, typer.Option("--test", help="Send a test notice to each service now, say what it answers, and end.")
]


def notify(  # noqa: PLR0913  one for each option
    urls: Urls = None,
    *,
    url_file: UrlFiles = None,
    severity: LowestSeverity = "low",
    min_risk: MinRisk = 0,
    start: Start = None,
    group: Group = None,
    sessions: Sessions = True,
    runbook: RunbookLink = None,
    give_up_after: GiveUpAfter = "1d",
    metrics_port: MetricsPort = None,
    dry_run: DryRun = False,
    test: Test = False,
    config: Config = None,
) -> None:
    """Tell people of each alert, once: Slack, Teams, PagerDuty, Opsgenie, mail, webhooks and many more.

    It follows the topics of alerts, overflow and session summaries, and commits what every service has taken. A
    service that does not answer is tried again, and delays no other. On SIGTERM it finishes what is in hand, and ends
    with 0, or 1 if a notice was left undelivered.

    Examples:
        rootwatch notify --severity medium --url-file /run/secrets/urls
        rootwatch notify --test file:/run/secrets/slack
        rootwatch notify --dry-run --from 2026-03-01 slack://A/B/C
    """
    configured = settings.load(config)
    choice = Choice(Threshold(_severity(severity), _risk(min_risk)), Runbook(runbook), sessions)
    since = parse_from(start)
    patience = Patience(give_up=_give_up(give_up_after))
    addresses = read_addresses(urls or (), url_file or ())
    if not dry_run:
        log.configure(configured.log_format)  # before the services, which silence what would log their URLs
    services = Services([AppriseService(address) for address in addresses], [address.id for address in addresses])
    if dry_run:
        _preview(configured, choice, services.services, since)
        return
    if not addresses:
        raise UsageError("notify: no URL is given; name who is told, such as file:/run/secrets/slack")
    if test:
        _try(services.services)
        return
    check_topic(configured, topic_names(configured).alerts)
    follow = FollowSettings(group or f"{configured.group_id}-notify", since, choice, patience)
    metrics = NoticeMetrics()
    follower = Follower(configured, follow, services, metrics.count)
    metrics.watch(lambda: follower.waiting)
    if metrics_port is not None:
        metrics.serve(configured.http_host, metrics_port)
    _follow(follower)


def _follow(follower: Follower) -> None:
    """Follow until a signal comes; exit 130 on SIGINT, 1 if somebody was not told."""
    signals = stop_on_signals(follower.stop)
    reached_all = follower.run()
    if signal.SIGINT in signals:
        raise typer.Exit(130)
    if not reached_all:
        raise typer.Exit(1)


def _try(services: Sequence[Service]) -> None:
    """Send a test notice to each service; exit 1 if one does not take it."""
    replies = {service.name: service.send(TRIAL) for service in services}
    for name, reply in replies.items():
        sys.stdout.write(f"{name}: {reply.words}\n")
    if any(reply.verdict is not Verdict.ACCEPTED for reply in replies.values()):
        raise typer.Exit(1)


def _preview(configured: Settings, choice: Choice, services: Sequence[Service], since: int | None) -> None:
    unreadable: list[UnreadableValue] = []
    for preview in previews(configured, choice, services, since, unreadable.append):
        sys.stdout.write(f"{preview}\n")
    for value in unreadable:
        say(f"rootwatch: {value}")
    if unreadable:
        raise typer.Exit(1)


def _severity(text: str) -> Severity:
    for known in SEVERITIES:
        if known == text:
            return known
    raise UsageError(f"--severity = {text!r}: must be one of {', '.join(SEVERITIES)}")


def _risk(number: int) -> int:
    if 0 <= number <= _LONGEST_RISK:
        return number
    raise UsageError(f"--min-risk = {number}: must be between 0 and {_LONGEST_RISK}")


def _give_up(text: str) -> float:
    try:
        return parse_duration_or_zero(text) / 1000 or inf
    except ValueError as error:
        raise UsageError(f"--give-up-after = {text!r}: {error}") from error
