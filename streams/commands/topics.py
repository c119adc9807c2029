"""``rootwatch topics apply|check``: creates or checks every topic, and the registry's subjects."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from streams import settings
from streams.commands.check_list import show
from streams.commands.options import Config  # noqa: TC001  typer reads it
from streams.operator_error import OperatorError
from streams.wire import registry
from streams.worker.topic_admin import apply_topics, check_topics
from streams.worker.topics import alert_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.settings import Settings

topics = typer.Typer(no_args_is_help=True, add_completion=False, help="Create or check the topics.")


@topics.command()
def check(config: Config = None) -> None:
    """Name what is missing or differs; change nothing. Exit 1 if there is anything."""
    configured = settings.load(config)
    problems = [str(finding) for finding in check_topics(configured)] + _subjects(configured, registry.check_schemas)
    show([("wrong", problem) for problem in problems] or [("ok", "every topic is as it must be")])
    if problems:
        _say("`rootwatch topics apply` with the same settings mends what can be mended in place.")
        raise typer.Exit(1)


@topics.command()
def apply(config: Config = None) -> None:
    """Create what is missing and mend what can be mended in place. Exit 1 if anything is still wrong."""
    configured = settings.load(config)
    done, remaining = apply_topics(configured)
    done += _subjects(configured, registry.apply_schemas)
    rows = [("done", change) for change in done] + [("wrong", str(finding)) for finding in remaining]
    show(rows or [("ok", "every topic is as it must be")])
    if remaining:
        raise typer.Exit(1)


def _subjects(configured: Settings, ask: Callable[[Settings, Mapping[str, str]], list[str]]) -> list[str]:
    """What the registry says of the alert schemas; nothing without a registry."""
    if configured.schema_registry_url is None:
        return []
    configured.schema_registry_auth()  # names the setting if its file is of no use
    try:
        return ask(configured, alert_schemas(configured))
    except (registry.RegistryUnavailable, registry.RegistryRefused) as error:
        raise OperatorError(str(error)) from error


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
