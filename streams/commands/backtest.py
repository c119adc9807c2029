"""``rootwatch backtest``: replays the past and prints the alerts that a rule would have raised."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path  # noqa: TC003  typer reads it
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from streams import settings
from streams.backtest import inputs, summary
from streams.backtest.output import AlertLines
from streams.backtest.reader import Reading
from streams.backtest.run import Replaying, replay
from streams.backtest.wanted import UsageError, Wanted, wanted
from streams.commands import replay_options as options  # noqa: TC001  typer reads it
from streams.commands.options import Config  # noqa: TC001  typer reads it
from streams.commands.replay_options import cores, say

if TYPE_CHECKING:
    from streams.backtest.run import Listener
    from streams.backtest.tally import Tally
    from streams.settings import Settings


def backtest(  # noqa: PLR0913  one for each option
    *,
    places: options.Places = None,
    topic: options.Topic = None,
    start: options.Start = None,
    end: options.End = None,
    from_offset: options.FromOffset = None,
    to_offset: options.ToOffset = None,
    allow_truncated: options.AllowTruncated = False,
    window: Annotated[str | None, typer.Option(help="How long a pair stays known, such as 10d.")] = None,
    forget_after: Annotated[str | None, typer.Option(help="After which a pair counts as never seen.")] = None,
    learn_until: Annotated[str | None, typer.Option(help="Up to then sightings teach and do not alert.")] = None,
    principal: options.Principal = None,
    member_account: options.MemberAccount = None,
    clock: options.Clock = None,
    max_alerts: Annotated[str | None, typer.Option(help="Alerts a principal and five minutes; 0 is no cap.")] = None,
    exceptions: Annotated[str | None, typer.Option(help="A file of [[exception]] tables.", metavar="FILE")] = None,
    rule: options.RuleFile = None,
    output: Annotated[Path | None, typer.Option(help="Write the alerts there, and nothing to stdout.")] = None,
    processes: options.Processes = None,
    config: Config = None,
) -> None:
    """Replay past records from files or a topic and print the alerts as JSON lines. Touches no live state."""
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
    apart = tuple(path for path in (output,) if path is not None)
    want = wanted(
        tuple(places or ()), topic, start=start, end=end, from_offset=from_offset, to_offset=to_offset, apart=apart
    )
    configured = settings.load(config, **chosen)
    if topic is None and configured.clock == "record":
        raise UsageError("clock = record needs --topic: files have no Kafka timestamps")
    tally = _run(want, configured, output, processes or cores())
    if tally.failures or (tally.truncated and not allow_truncated):
        raise typer.Exit(1)


def _run(want: Wanted, configured: Settings, output: Path | None, processes: int) -> Tally:
    rule = configured.load_rule()
    deciding = configured.deciding(rule)
    source = inputs.choose(want, configured, processes)
    reading = Reading(rule, configured.taking(), want.span, thorough=source.is_small)
    with ExitStack() as stack:
        stream = _opened(output, stack)
        listeners: list[Listener] = [AlertLines(stream)]
        bar = stack.enter_context(summary.Bar(source))
        tally, verdicts = replay(source, Replaying(reading, deciding, processes), listeners, bar)
        stream.flush()
    for line in (*summary.reading_lines(tally), *summary.verdict_lines(verdicts, deciding)):
        say(line)
    return tally


def _opened(output: Path | None, stack: ExitStack) -> BinaryIO:
    if output is None:
        return sys.stdout.buffer
    try:
        return stack.enter_context(output.open("wb"))
    except OSError as error:
        raise UsageError(f"--output {output}: {error.strerror}") from error
