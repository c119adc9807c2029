"""``rootwatch completion``: prints the script that makes a shell complete commands, options and values."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Shell = Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]


def completion(shell: Shell) -> None:
    """Print the script that makes a shell complete commands, options, rules, topics and files.

    bash: add `eval "$(rootwatch completion bash)"` to ~/.bashrc. zsh: the same with zsh, in ~/.zshrc after compinit.
    fish: save it as ~/.config/fish/completions/rootwatch.fish.

    Examples:
        rootwatch completion bash
        rootwatch completion fish > ~/.config/fish/completions/rootwatch.fish
    """
    from streams.commands.shells.answer import script  # noqa: PLC0415  --help needs no click

    typer.echo(script(shell))
