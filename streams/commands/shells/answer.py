"""Answers a shell that completes a line, and has each shell's script.

click knows how a line is parsed, and the scripts of zsh and fish. The script of bash is our own, because bash takes
``:`` and ``=`` for the ends of words: of ``shipped:aws`` it completes ``aws``. click parses; Typer is not needed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class, split_arg_string

from streams.commands.shells.values import offers

VARIABLE = "_ROOTWATCH_COMPLETE"
_TABLE = Path(__file__).with_name("commands.json")
_PROGRAM = "rootwatch"

# An `open` value goes on: no blank is put behind it.
_BASH = r"""
_rootwatch_completion() {
    local kind value
    COMPREPLY=()
    while IFS=$'\t' read -r kind value; do
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(env _ROOTWATCH_COMPLETE=bash_complete _ROOTWATCH_LINE="${COMP_LINE:0:COMP_POINT}" \
        _ROOTWATCH_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
}
complete -F _rootwatch_completion rootwatch
"""


class _Bash(ShellComplete):
    """bash, by the text of the line up to the cursor, whatever bash takes for words."""

    name = "bash"
    source_template = _BASH
    incomplete = ""

    def source(self) -> str:
        return _BASH.strip()

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("_ROOTWATCH_LINE", "")
        words = split_arg_string(line)
        self.incomplete = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], self.incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Kind and value. Bash replaces only what is behind the last break of the word, so only that is returned."""
        breaks = {mark for mark in os.environ.get("_ROOTWATCH_BREAKS", "") if mark in ":="}
        kept = max(self.incomplete.rfind(mark) for mark in breaks) + 1 if breaks else 0
        option, is_joined, _ = self.incomplete.partition("=")
        word = f"{option}={item.value}" if is_joined and option.startswith("-") else item.value
        kind = "open" if item.type == "plain" and item.value.endswith((":", "=")) else item.type
        return f"{kind}\t{word[kept:]}"


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash}


def answer(instruction: str) -> int:
    """Answer a shell on stdout; ``instruction`` is the shell's name and ``_complete``. Returns the exit code."""
    shell = _shell(instruction.removesuffix("_complete"))
    if shell is None or not instruction.endswith("_complete"):
        return 1
    if found := shell.complete():
        click.echo(found)
    return 0


def script(name: str) -> str:
    """The script that a shell evaluates.

    Raises:
        KeyError: it is none of bash, zsh and fish.
    """
    shell = _shell(name)
    if shell is None:
        raise KeyError(name)
    return shell.source()


def _shell(name: str) -> ShellComplete | None:
    found = _SHELLS.get(name) or get_completion_class(name)
    return None if found is None else found(_group(_PROGRAM, json.loads(_TABLE.read_bytes())), {}, _PROGRAM, VARIABLE)


def _group(name: str, document: dict[str, Any]) -> click.Command:
    """Click's form of a command in the table, and of all below it."""
    parameters = [_parameter(each) for each in document["parameters"]]
    below = {each: _group(each, value) for each, value in document["commands"].items()}
    if below:
        return click.Group(name, commands=below, params=parameters, help=document["help"])
    return click.Command(name, params=parameters, help=document["help"])


def _parameter(document: dict[str, Any]) -> click.Parameter:
    takes, names, is_many = document["takes"], document["names"], document["is_many"]

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(value, kind, about) for value, about, kind in offers(takes, incomplete)]

    if not names[0].startswith("-"):
        return click.Argument(names, nargs=-1 if is_many else 1, required=False, shell_complete=complete)
    if document["is_flag"]:
        return click.Option(names, is_flag=True, help=document["help"])
    return click.Option(names, multiple=is_many, help=document["help"], shell_complete=complete)
