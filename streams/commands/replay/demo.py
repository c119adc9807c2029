"""``rootwatch demo``: the worker on an embedded broker, with a morning of CloudTrail that the project ships."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from streams import log
from streams.commands.terminal.alert_table import table
from streams.commands.terminal.replay_options import say
from streams.demo import story
from streams.demo.broker import PARTITIONS, EmbeddedBroker
from streams.demo.organisation import ACCOUNTS
from streams.demo.run import SESSION_GRACE, Counts, run
from streams.demo.shapes import ROADS
from streams.errors import OperatorError
from streams.kafka.readers.alerts import distinct_alerts
from streams.kafka.readers.published import Source
from streams.kafka.readers.rule_values import values_of_rules
from streams.rules.root_sessions import LEVELS
from streams.settings import Settings
from streams.wire.alert import to_json_line
from streams.wire.sessions.published import SUMMARY
from streams.worker.app import create_app
from streams.worker.process import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.demo.story import Message

_OUTCOMES = {"learned": "only taught", "known": "known", "alert": "alerts"}

_SILENT = """\
silent       the nightly audit on its usual accounts, a copy of one record,
             refused calls, and a policy that only names sts:AssumeRoot"""

_NEXT = """\
next         rootwatch demo --save samples  keeps these messages as files
             README.md                      how to run a worker
             docs/alerts.md                 how to read alerts in a program"""


class _Worker(Worker):
    """The worker, which leaves Ctrl-C to asyncio: that ends the whole demo."""

    def install_signal_handlers(self) -> None:
        """Install none."""


def demo(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the alerts as JSON lines instead of a table.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Write the messages there as files; run no worker.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show the worker's log.")] = False,
) -> None:
    """Show alerts from a realistic morning: the real worker, on a broker inside this process. Keeps nothing.

    Examples:
        rootwatch demo
        rootwatch demo --save samples
    """
    before, morning = story.days_before(), story.morning()
    if save is not None:
        _save(save, before, morning)
        return
    log.configure()
    if not verbose:
        logging.disable(logging.WARNING)
    say(f"A morning in an organisation of {len(ACCOUNTS)} accounts, {story.MORNING:%d %B %Y}. Nothing is kept.")
    alerts, sessions, counts = _run(before, morning)
    if json:
        for alert in alerts:
            sys.stdout.write(to_json_line(alert) + "\n")
    else:
        Console().print(table(alerts, {session["alert_id"]: session for session in sessions}))
    for line in _summary(counts, sessions):
        say(line)


def _run(
    before: Sequence[Message], morning: Sequence[Message]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Counts]:
    """Run the worker on both parts, then read the alerts, in order of time, and the sessions from their topics."""
    started = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - started:5.1f} s  {text}")

    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory(prefix="rootwatch-demo-") as state:
        options = _settings(broker.address, Path(state))
        app = create_app(options)
        names = app.topic_names
        broker.create([*options.source_topics, *names.all()])
        tell(f"a broker inside this process, at {broker.address}; the worker joins it")
        parts = (
            (f"the days before: {len(before)} messages, which teach and do not alert", before),
            (f"the morning: {len(morning)} messages, in the shapes of {len(ROADS)} roads to Kafka", morning),
        )
        try:
            counts = asyncio.run(run(app, _Worker(app), broker, parts, tell))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        tell("all handled and committed; the topics of alerts and sessions now hold:")
        alerts = list(distinct_alerts(options, names.alerts, app.rules.by_id))
        sessions = _last(values_of_rules(options, Source(names.session_summaries, SUMMARY.read), app.rules.by_id))
    return sorted(alerts, key=lambda alert: (alert["event"]["time"], alert["alert_id"])), sessions, counts


def _last(summaries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last summary of each session (S10)."""
    sessions: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        known = sessions.get(summary["session_id"], summary)
        sessions[summary["session_id"]] = max(known, summary, key=itemgetter("revision"))
    return list(sessions.values())


def _settings(address: str, state: Path) -> Settings:
    """The demo's settings; the environment has no influence."""
    settings = Settings.model_validate(
        {
            "bootstrap_servers": address,
            "partitions": PARTITIONS,
            "state_dir": state,
            "learn_until": story.LEARN_UNTIL,
            "session_grace": SESSION_GRACE,
        }
    )
    # Port 0 is any free port. Operators may not set it, because they have to know where to ask.
    return settings.model_copy(update={"http_port": 0})


def _summary(counts: Counts, sessions: Sequence[dict[str, Any]]) -> list[str]:
    """The outcomes in numbers, and what to do next."""
    decided = counts.decided
    by_outcome = ", ".join(f"{decided.get(name, 0)} {label}" for name, label in _OUTCOMES.items())
    found = Counter(session["severity"] for session in sessions)
    severities = ", ".join(f"{found[name]} {name}" for name in reversed(LEVELS))
    unused = sum(not session["actions"] for session in sessions)
    letters = ", ".join(f"{count} {reason}" for reason, count in counts.dead_letters.items() if count)
    return [
        f"messages     {counts.messages}, {counts.skipped} of them dropped at fetch (no mark of a use of root)",
        f"sightings    {sum(decided.values())}: {by_outcome}",
        f"sessions     {len(sessions)}: {severities}; {unused} without any recorded action",
        f"dead letters {letters} (a message that a forwarder cut short)",
        *_SILENT.splitlines(),
        *_NEXT.splitlines(),
    ]


def _save(folder: Path, before: Sequence[Message], morning: Sequence[Message]) -> None:
    """Write each message to a file; a gzip file gets its usual ending."""
    for name, messages in (("days-before", before), ("morning", morning)):
        subfolder = folder / name
        try:
            subfolder.mkdir(parents=True, exist_ok=True)
            for number, message in enumerate(messages, 1):
                ending = "json.gz" if message.value.startswith(b"\x1f\x8b") else "json"
                (subfolder / f"{number:03d}-{message.account}-{message.name}.{ending}").write_bytes(message.value)
        except OSError as refused:
            raise OperatorError(f"--save {folder}: {refused.strerror}") from refused
        say(f"{len(messages)} messages in {subfolder}")
    say(f"try  rootwatch backtest {folder} --learn-until {story.LEARN_UNTIL:%Y-%m-%d}")
