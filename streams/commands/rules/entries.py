"""The rules that a command is about: those of the files that it is given, else those of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams import settings
from streams.rules.rule_errors import RuleErrors
from streams.settings import SettingsError
from streams.settings.rule_entries import read_rule_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.settings.rule_entries import RuleFile

Entries = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE",
        help="Rule files, folders of them, shipped (all that ship) or shipped:ID; default: the settings' rules.",
    ),
]

Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 also for warnings: for CI.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


def entries_or_configured(files: Sequence[str] | None, config: Path | None) -> Sequence[str]:
    """Return the entries that are given, else those of the settings.

    Raises:
        SettingsError: the settings are wrong.
    """
    return files or settings.load(config).rule_entries


def rule_files(entries: Sequence[str]) -> list[RuleFile]:
    """Return the rules of the entries as their files have them, by id.

    Raises:
        SettingsError: a file cannot be read or is wrong, or two rules have the same id; it names all faults.
    """
    try:
        return read_rule_files(entries)
    except RuleErrors as wrong:
        raise SettingsError(str(wrong)) from wrong
