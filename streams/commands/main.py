"""The ``rootwatch`` command: puts the commands together, and turns errors into exit codes.

A command's module is imported only when the command runs, so that ``rootwatch --help`` and ``explain`` need not wait
for Kafka clients. To add a command, write a module with its name that holds a function or a ``typer.Typer`` of the same
name (``-`` becomes ``_``), and add a line to ``COMMANDS``. If the module is in a room, add it to ``ROOMS``, too.

Exit codes: 0 success, 1 ran and found a problem, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from streams import __version__
from streams.commands.terminal.examples import show_examples
from streams.errors import OperatorError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

COMMANDS = {
    "alerts": "Show the alerts of the alert topic.",
    "backtest": "Replay the past: the alerts that the rules would have raised.",
    "completion": "Print the script with which bash, zsh or fish completes this command.",
    "demo": "Show alerts from a realistic morning, on an embedded broker.",
    "doctor": "Check settings, rules, brokers, topics, registry and disk, and say how to fix what is wrong.",
    "explain": "Say why a message alerted or did not.",
    "health": "Ask the worker on this machine whether it is healthy, or ready.",
    "notify": "Tell people of alerts: Slack, Teams, PagerDuty, Opsgenie, mail, webhooks.",
    "rules": "List, check, test and import rules.",
    "session": "Tell what was done with the credentials that an alert's call issued.",
    "state": "Show what is remembered of a principal, or of another first term.",
    "topics": "Create or check the topics.",
    "warm-up": "Seed the live baseline from the past: teaches, never alerts.",
    "worker": "Run a worker: CloudTrail in, alerts out.",
}

ROOMS = {
    "operate": ("doctor", "health", "notify", "topics", "worker"),
    "replay": ("backtest", "demo", "explain", "warm-up"),
    "results": ("alerts", "session", "state"),
}
"""The commands whose modules are in a package of their kind."""


class _LoadedWhenRun(TyperGroup):
    """Finds a command by its line in ``COMMANDS``, and then imports it. Typer's types of contexts are private: Any."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        show_examples(self)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(str(name)), rest


def load(name: str) -> Any:
    """Import a command and prepare it to run."""
    attribute = name.replace("-", "_")
    rooms = [f"{room}." for room, names in ROOMS.items() if name in names]
    command = getattr(import_module(f"streams.commands.{''.join(rooms)}{attribute}"), attribute)
    if not gc.isenabled():  # ``start`` stopped the collector while modules are imported, which stay
        gc.freeze()
        gc.enable()
    if isinstance(command, typer.Typer):
        return show_examples(get_command(command))
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(command)
    return show_examples(get_command(alone))


def _version(request: bool) -> None:  # noqa: FBT001  what typer calls
    if request:
        typer.echo(f"rootwatch {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="rootwatch", cls=_LoadedWhenRun, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def rootwatch(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Alerts on rare root-privilege use in AWS organisations, from CloudTrail on Kafka.

    Examples:
        rootwatch demo
        rootwatch doctor
        rootwatch backtest archive/ --report report.html
    """


def _announce(name: str, text: str) -> None:
    """Add a command to the list of ``--help``; ``_LoadedWhenRun`` replaces it by the command itself."""

    @app.command(name, help=text)
    def stand_in() -> None: ...


for _name, _text in COMMANDS.items():
    _announce(_name, _text)


def main() -> None:
    """Run the command line; the console script's entry point but for completion. Ends the process."""
    try:
        app()
    except OperatorError as error:
        from streams.commands.terminal.replay_options import say  # noqa: PLC0415  --help needs no rules

        for line in str(error).splitlines():
            say(f"rootwatch: {line}")
        sys.exit(error.exit_code)
    except OSError as failure:
        if failure.errno not in _NO_ROOM:
            raise
        _give_up_output(failure)
    finally:
        _flush()


def _flush() -> None:
    """Write buffered output."""
    try:
        sys.stdout.flush()
    except OSError as failure:
        _give_up_output(failure)


def _give_up_output(failure: OSError) -> None:
    """End after a failure to write. A reader that closes the pipe (``rootwatch … | head``) is no error."""
    with contextlib.suppress(OSError):
        # The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(failure, BrokenPipeError):
        sys.stderr.write(f"rootwatch: {failure.filename or 'standard output'}: cannot be written: {failure.strerror}\n")
        sys.exit(1)
