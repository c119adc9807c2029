"""The ``rootwatch`` command: puts the commands together."""

from __future__ import annotations

import typer

app = typer.Typer(name="rootwatch", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line; the console script's entry point."""
    app()
