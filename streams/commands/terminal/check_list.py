"""A list of findings, for people and pipes; each has a state and a sentence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = {"ok": "green", "done": "green", "wrong": "red", "unknown": "yellow", "warning": "yellow"}


def show(rows: Sequence[tuple[str, str]]) -> None:
    """Write rows of state and sentence: a table at a terminal, else one line per row with a tab between."""
    if not sys.stdout.isatty():
        for state, sentence in rows:
            sys.stdout.write(f"{state}\t{sentence}\n")
        return
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a long path or URL is not cut off
    for state, sentence in rows:
        table.add_row(Text(state, _STYLES[state]), Text(sentence))
    Console().print(table)
