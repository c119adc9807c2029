"""What commands write to a terminal of 80 columns, into a pipe, and where colours are refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ports import held_port
from rich.cells import cell_len
from terminals import COLUMNS, ROOTWATCH, Screen, at_a_terminal
from typer.main import get_command

from streams import log
from streams.commands import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
RECORD = {
    "eventSource": "sts.amazonaws.com",
    "eventName": "AssumeRoot",
    "eventTime": "2026-01-01T12:00:00Z",
    "eventID": "1",
    "userIdentity": {"arn": "arn:aws:iam::111111111111:user/" + "a-long-name-" * 5},
    "requestParameters": {"targetPrincipal": "222222222222"},
}
# Commands that need no broker, the exit code of each, and whether a terminal shows it in colours.
COMMANDS = [
    (("rules", "list", "--offline", "--rule", "shipped"), 0, False),
    (("rules", "check", "shipped:aws-sts-assume-root-rare-pair", "--sample", "."), 0, False),
    (("rules", "test", "shipped"), 0, True),
    (("doctor",), 1, True),
    (("health",), 1, True),
    (("rules", "check", "a/folder/that/is/not/there/and/has/a/name/that/is/long/enough.toml"), 2, False),
    (("topix",), 2, True),
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder with a message, and settings for brokers that are not there."""
    (tmp_path / "message.json").write_text(json.dumps(RECORD))
    with held_port() as unused, held_port() as other:
        (tmp_path / "rootwatch.toml").write_text(
            f"bootstrap_servers = '127.0.0.1:{unused}'\nhttp_port = {other}\nstate_dir = '{'long-name/' * 9}state'\n"
        )
        yield tmp_path


def screen(here: Path, *arguments: str, **more: str) -> Screen:
    return at_a_terminal(list(arguments), here, ENVIRONMENT, **more)


def piped(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, *arguments], capture_output=True, text=True, check=False, cwd=here, env=ENVIRONMENT, timeout=120
    )


@pytest.mark.parametrize(("arguments", "exit_code", "has_colors"), COMMANDS, ids=lambda value: str(value)[:40])
def test_at_a_terminal(here: Path, arguments: tuple[str, ...], exit_code: int, has_colors: bool) -> None:  # noqa: FBT001  a case
    """Nothing is wider than 80 columns, and nothing is cut off; colours only where a state has one."""
    shown = screen(here, *arguments)
    assert shown.exit_code == exit_code
    assert shown.wide == []
    assert not any(line.rstrip().endswith("…") for line in shown.lines)
    assert bool(shown.colors) == has_colors


@pytest.mark.parametrize("arguments", [arguments for arguments, _, has_colors in COMMANDS if has_colors], ids=str)
def test_colors_that_are_refused(here: Path, arguments: tuple[str, ...]) -> None:
    """With NO_COLOR no colour is written, whatever the terminal can show."""
    shown = screen(here, *arguments, NO_COLOR="1")
    assert "".join(shown.lines).strip()
    assert shown.colors == set()


@pytest.mark.parametrize(("arguments", "exit_code", "_"), COMMANDS, ids=lambda value: str(value)[:40])
def test_in_a_pipe(here: Path, arguments: tuple[str, ...], exit_code: int, _: bool) -> None:  # noqa: FBT001  as above
    """A pipe gets no escape sequence."""
    done = piped(here, *arguments)
    assert done.returncode == exit_code
    assert done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_line_of_a_pipe_is_not_broken(here: Path) -> None:
    """In a pipe a finding, an error and a rule's fact are one line each, however long."""
    found = next(line for line in piped(here, "doctor").stdout.splitlines() if "long-name" in line)
    assert "/".join(["long-name"] * 9) in found
    assert cell_len(found) > COLUMNS
    (error,) = piped(here, "topics", "check").stderr.splitlines()
    assert cell_len(error) > COLUMNS


def test_alerts_among_the_progress(here: Path) -> None:
    """An alert that a terminal shows begins a line of its own: the progress bar is gone by then."""
    shown = screen(here, "backtest", "message.json")
    assert shown.exit_code == 0
    alerts = [line for line in shown.lines if '"alert_id"' in line]
    assert [json.loads(line)["rule"]["id"] for line in alerts] == ["aws-sts-assume-root-rare-pair"]
    assert shown.wide == alerts


def commands() -> Iterator[tuple[str, Any]]:
    """Each command and each below it, by name."""
    found = [("", get_command(main.app)), *((name, main.load(name)) for name in main.COMMANDS)]
    for name, command in found:
        yield name, command
        yield from ((f"{name} {below}", each) for below, each in getattr(command, "commands", {}).items() if name)


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=str)
def test_help_in_80_columns(name: str, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Help fits, and no option or value of it is cut off."""
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"], prog_name=f"rootwatch {name}".strip())
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if cell_len(line) > COLUMNS] == []
    own = "".join(f"{getattr(each, 'help', '')}{each.metavar or ''}" for each in command.params)
    in_usage = "".join(each.metavar or "" for each in command.params if each.param_type_name == "argument")
    assert shown.count("…") == (own + in_usage).count("…")  # where Rich cuts, it puts one more
    for parameter in command.params:
        assert all(option in shown for option in parameter.opts if option.startswith("-"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("completion", "bash"),
        ("rules", "check", "shipped"),
        ("rules", "list", "--offline", "--rule", "shipped"),
        ("explain", "messages.jsonl"),
        ("backtest", "messages.jsonl"),
    ],
    ids=str,
)
def test_a_reader_that_goes_away(here: Path, arguments: tuple[str, ...]) -> None:
    """A pipe that is closed at the other end, as by ``head``, is no error: nothing is said about it."""
    messages = (
        json.dumps(RECORD | {"eventID": str(number), "userIdentity": {"arn": str(number)}}) for number in range(500)
    )
    (here / "messages.jsonl").write_text("\n".join(messages))
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(  # noqa: S603  the project's own command
        [ROOTWATCH, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, cwd=here, env=ENVIRONMENT
    ) as process:
        os.close(write)
        _, errors = process.communicate(timeout=120)
    for said in ("Traceback", "Errno", "BrokenPipe", "Broken pipe"):
        assert said not in errors


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("environment", "is_colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_the_log_at_a_terminal(
    environment: dict[str, str],
    is_colored: bool,  # noqa: FBT001  as above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker's log has colours at a terminal, unless they are refused or the terminal has none."""
    for name, value in ({"NO_COLOR": "", "TERM": "xterm"} | environment).items():
        monkeypatch.setenv(name, value)
    assert log.takes_colors(Terminal()) == is_colored
    assert not log.takes_colors(io.StringIO())
