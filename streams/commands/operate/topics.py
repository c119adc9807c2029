"""``rootwatch topics apply|check``: creates or checks every topic, the registry's subjects and a worker's ACLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from streams import settings
from streams.commands.terminal.check_list import show
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import say
from streams.topics.acls import apply_acls, check_acls
from streams.topics.admin import apply_topics, check_topics
from streams.topics.catalogue import value_schemas
from streams.wire.confluent import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.settings import Settings
    from streams.topics.admin import Finding

topics = typer.Typer(no_args_is_help=True, add_completion=False)


@topics.callback()
def together() -> None:
    """Create or check the topics.

    Examples:
        rootwatch topics apply
        rootwatch topics check
    """


def _principal(value: str | None) -> str | None:
    """Check that a principal has Kafka's form."""
    if value is not None and not re.fullmatch(r"[A-Za-z]+:.+", value):
        raise typer.BadParameter(f"{value!r} is no principal; it is Type:name, such as User:rootwatch")
    return value


Acls = Annotated[
    str | None,
    typer.Option(
        "--acls",
        metavar="PRINCIPAL",
        callback=_principal,
        help="Also the ACLs of the workers' principal, such as User:rootwatch: the least that a worker needs.",
    ),
]


@topics.command()
def check(config: Config = None, acls: Acls = None) -> None:
    """Name what is missing or differs; change nothing. Exit 1 if there is anything.

    Examples:
        rootwatch topics check
        rootwatch topics check --acls User:rootwatch
    """
    configured = settings.load(config)
    findings = check_topics(configured)
    problems = [str(finding) for finding in findings if finding.is_wrong]
    problems += _subjects(configured, registry.check_schemas)
    problems += check_acls(configured, acls) if acls else []
    show([*_warnings(findings), *([("wrong", problem) for problem in problems] or _all_well(acls))])
    if problems:
        say("`rootwatch topics apply` with the same settings and options fixes what can be fixed in place.")
        raise typer.Exit(1)


@topics.command()
def apply(config: Config = None, acls: Acls = None) -> None:
    """Create what is missing and fix what can be fixed in place. Exit 1 if anything is still wrong.

    Examples:
        rootwatch topics apply
        rootwatch topics apply --acls User:rootwatch
    """
    configured = settings.load(config)
    done, findings = apply_topics(configured)
    remaining = [str(finding) for finding in findings if finding.is_wrong]
    done += _subjects(configured, registry.apply_schemas)
    if acls:
        granted, denied = apply_acls(configured, acls)
        done += granted
        remaining += denied
    rows = [("done", change) for change in done] + [("wrong", problem) for problem in remaining]
    show([*_warnings(findings), *(rows or _all_well(acls))])
    if remaining:
        raise typer.Exit(1)


def _all_well(acls: str | None) -> list[tuple[str, str]]:
    rights = [("ok", f"{acls} has every right of a worker")] if acls else []
    return [("ok", "every topic is as it must be"), *rights]


def _warnings(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """The findings that are left to the cluster."""
    return [("warning", str(finding)) for finding in findings if not finding.is_wrong]


def _subjects(configured: Settings, ask: Callable[[Settings, Mapping[str, str]], list[str]]) -> list[str]:
    """What the registry says about the alert schemas; nothing without a registry."""
    if configured.schema_registry_url is None:
        return []
    return ask(configured, value_schemas(configured))
