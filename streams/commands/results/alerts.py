"""``rootwatch alerts``: reads the alert topic, and shows under each alert what was done with the session (S13)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console

from streams import settings
from streams.commands.terminal.alert_sessions import AlertSessions
from streams.commands.terminal.alert_table import cells, session_cells, session_table, table
from streams.commands.terminal.options import Config, parse_from
from streams.commands.terminal.replay_options import say
from streams.errors import UsageError
from streams.kafka.admin import check_topic
from streams.kafka.readers.connection import TopicRefusedError
from streams.kafka.readers.published import PublishedReader, Source, UnreadableValue
from streams.topics.catalogue import topic_names
from streams.wire.alert import read_alert
from streams.wire.alert_formats.formats import FormatName  # noqa: TC001  typer reads it
from streams.wire.alert_formats.lines import alert_line, summary_line
from streams.wire.sessions.published import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.settings import Settings


class _Shown(NamedTuple):
    """How alerts and sessions are shown; without a format, for people."""

    follow: bool
    format: FormatName | None
    sessions: bool


def alerts(  # noqa: PLR0913  one for each option
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Then wait for more, until interrupted.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only alerts written to the topic since then.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line; the same as --format native.")
    ] = False,
    written_as: Annotated[
        FormatName | None,
        typer.Option(
            "--format", help="One JSON object per line, as json_alerts writes it; docs/alerts.md has the tables."
        ),
    ] = None,
    sessions: Annotated[
        bool | None,
        typer.Option(
            "--sessions/--no-sessions",
            help="Show under each alert what its root session did, once that is summed up; with --json as lines "
            '{"summary": …}. Default: yes, but not with --json or --format.',
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Show the alerts of the alert topic, each with its session: a table at a terminal, else one line each.

    Examples:
        rootwatch alerts
        rootwatch alerts --follow --json
        rootwatch alerts --from 2026-01-31 --format ecs
    """
    form = _format(written_as, json=json)
    configured = settings.load(config)
    since = parse_from(start)
    names = topic_names(configured)
    check_topic(configured, names.alerts)
    printer = _Printer(_Shown(follow, form, form is None if sessions is None else sessions))
    summaries = Source(names.session_summaries, SUMMARY.read)
    ends: dict[int, int] = {}
    if printer.shown.sessions:
        try:
            ends = _read_summaries(configured, summaries, since, printer)
        except TopicRefusedError:
            if sessions:
                raise
            _tell_refused(summaries.topic)
    source = Source(names.alerts, read_alert)
    with PublishedReader(configured, follow=follow) as reader:
        spans = reader.spans(names.alerts, since=since)
        if follow:
            starts = {source: {partition: begin for partition, (begin, _) in spans.items()}, summaries: ends}
            for read, value in reader.follow(starts):
                if read == summaries:
                    printer.summary(value)
                else:
                    printer.alert(value)
        else:
            for value in reader.read(source, spans):
                printer.alert(value)
    printer.finish()


class _Printer:
    """Writes alerts and sessions as they are read, or at the end as one table."""

    def __init__(self, shown: _Shown) -> None:
        self.shown = shown
        self._sessions = AlertSessions()
        self._as_table = sys.stdout.isatty() and shown.format is None
        self._alerts: list[Mapping[str, Any]] = []
        self._unreadable = 0
        self._heading = True

    def alert(self, alert: dict[str, Any] | UnreadableValue) -> None:
        """Show an alert, and its session if that is known."""
        if isinstance(alert, UnreadableValue):
            self._tell(alert)
            return
        summary = self._sessions.show(alert["alert_id"])
        if self._as_table and not self.shown.follow:
            self._alerts.append(alert)
        elif self._as_table:
            Console().print(table([alert], self._sessions.summaries, heading=self._first()))
        else:
            form = self.shown.format
            self._write("\t".join(cells(alert)) if form is None else alert_line(form, alert))
            if summary is not None:
                self._write_session(summary)

    def summary(self, summary: dict[str, Any] | UnreadableValue) -> None:
        """Show a session whose alert was shown before; keep it for its alert if that was not."""
        if isinstance(summary, UnreadableValue):
            self._tell(summary)
        elif self._sessions.add(summary):
            if self._as_table:
                Console().print(session_table(summary, heading=self._first()))
            else:
                self._write_session(summary)

    def finish(self) -> None:
        """Show the table; exit 1 if a value was unreadable."""
        if self._as_table:
            ordered = sorted(self._alerts, key=lambda alert: (alert["event"]["time"], alert["alert_id"]))
            Console().print(table(ordered, self._sessions.summaries))
        if self._unreadable:
            raise typer.Exit(1)

    def _write_session(self, summary: Mapping[str, Any]) -> None:
        form = self.shown.format
        self._write("\t".join(session_cells(summary)) if form is None else summary_line(form, summary))

    def _write(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        if self.shown.follow:
            sys.stdout.flush()

    def _tell(self, value: UnreadableValue) -> None:
        say(f"rootwatch: {value}")
        self._unreadable += 1

    def _first(self) -> bool:
        first, self._heading = self._heading, False
        return first


def _read_summaries(configured: Settings, source: Source, since: int | None, printer: _Printer) -> dict[int, int]:
    """Read the summaries that there are; returns the end of each partition."""
    with PublishedReader(configured) as reader:
        spans = reader.spans(source.topic, since=since, may_be_missing=True)
        for value in reader.read(source, spans):
            printer.summary(value)
    return {partition: end for partition, (_, end) in spans.items()}


def _tell_refused(topic: str) -> None:
    """A user who may read alerts alone is shown alerts alone, and why."""
    say(f"rootwatch: no sessions: there is no right to read {topic}; grant Read, or give --no-sessions")


def _format(written_as: FormatName | None, *, json: bool) -> FormatName | None:
    if not json:
        return written_as
    if written_as not in (None, "native"):
        raise UsageError(f"--json is --format native, which --format {written_as} contradicts; leave one of them out")
    return "native"
