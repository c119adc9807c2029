"""The examples at the end of ``--help``: the part ``Examples:`` of a command's docstring."""

from __future__ import annotations

from typing import Any

_HEADING = "\n\nExamples:\n"


def show_examples(command: Any) -> Any:
    """Move the examples of a command, and of the commands below it, to the end of its help. Returns the command.

    Typer keeps the lines of a paragraph except in the first one, so the lines of all others are joined here.
    """
    text, _, examples = (command.help or "").partition(_HEADING)
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    command.epilog = "\n  ".join(["Examples:", *lines]) if lines else None
    for below in getattr(command, "commands", {}).values():
        show_examples(below)
    return command


def examples_of(command: Any) -> list[str]:
    """The examples of a command that ``show_examples`` has seen, as they are typed into a shell."""
    return (command.epilog or "").split("\n  ")[1:]
