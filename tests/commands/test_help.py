"""What ``--help`` says, of every command and of every command below it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from streams.commands import main
from streams.commands.terminal.examples import examples_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it, by the words that name it."""
    yield name, command
    for below, found in getattr(command, "commands", {}).items():
        yield from commands(f"{name} {below}".strip(), found)


ROOT = get_command(main.app)
ALL: dict[str, Any] = {"": ROOT}
for loaded in sorted(main.COMMANDS):
    ALL |= dict(commands(loaded, main.load(loaded)))
EXAMPLES = [(name, example) for name, command in ALL.items() for example in examples_of(command)]


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_an_example(name: str) -> None:
    """A person who asks for help sees a line to start from, of this command or of one below it, in 80 columns."""
    examples = examples_of(ALL[name])
    assert examples
    for example in examples:
        assert f"rootwatch {name}".strip() in example
        assert len(example) <= 78
        assert "[" not in example  # Typer would take it for a style


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_examples_are_accepted(name: str, example: str) -> None:
    """Each example is parsed by the command that it names, with options and values that exist."""
    words = shlex.split(example)
    words = words[words.index("rootwatch") + 1 :]
    ends = [words.index(mark) for mark in ("|", ">") if mark in words]
    words = words[: min(ends, default=len(words))]
    called, command = "", ROOT
    while words and f"{called} {words[0]}".strip() in ALL:
        called = f"{called} {words.pop(0)}".strip()
        command = ALL[called]
    assert called.startswith(name)
    assert not getattr(command, "commands", {}), "it names a group of commands and none of them"
    with command.make_context(called, words):
        pass


@pytest.mark.parametrize("name", ALL)
def test_help_shows_the_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples are shown as they are typed, a line each, at the end; nothing else of the docstring is lost."""
    command = ALL[name]
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"], prog_name=f"rootwatch {name}".strip())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    examples = examples_of(command)
    assert lines[-len(examples) - 1 :] == ["Examples:", *examples]
