from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from streams.commands.shells.answer import answer, script
from streams.commands.shells.values import SHIPPED

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
SHIPPED_IDS = sorted(tomllib.loads(path.read_text())["id"] for path in SHIPPED.glob("*.toml"))
BREAKS = " \t\n\"'><=;|&(:"  # bash's own


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a settings file, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("ROOTWATCH_"):
            monkeypatch.delenv(name)


def offered(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], breaks: str = BREAKS
) -> list[tuple[str, str]]:
    """What bash gets for a line with the cursor at its end: kinds and values."""
    monkeypatch.setenv("_ROOTWATCH_LINE", line)
    monkeypatch.setenv("_ROOTWATCH_BREAKS", breaks)
    assert answer("bash_complete") == 0
    return [(kind, value) for kind, _, value in (each.partition("\t") for each in capsys.readouterr().out.splitlines())]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rootwatch w", ["plain warm-up", "plain worker"]),
        ("rootwatch --v", ["plain --version"]),
        ("rootwatch topics ", ["plain check", "plain apply"]),
        ("rootwatch rules t", ["plain test"]),
        ("rootwatch worker --s", ["plain --state-dir", "plain --session-grace", "plain --skip"]),
        ("rootwatch alerts --no", ["plain --no-sessions"]),
        ("rootwatch backtest --principal ", ["plain arn", "plain issuer"]),
        ("rootwatch backtest --principal=i", ["plain issuer"]),
        ("rootwatch backtest --clock event --member-account ", ["plain target", "plain resources"]),
        ("rootwatch backtest --variant w", ["open window="]),
        ("rootwatch backtest --topic ", ["plain cloudtrail", "plain rootwatch.sightings"]),
        ("rootwatch backtest --compare ", ["plain rootwatch.alerts"]),
        ("rootwatch backtest ", ["file "]),
        ("rootwatch backtest --output ", ["file "]),
        ("rootwatch demo --save ", ["dir "]),
        ("rootwatch worker --state-dir /v", ["dir "]),
        ("rootwatch worker --skip cloud", ["open cloudtrail:"]),
        ("rootwatch rules check ", ["plain shipped", "open shipped:"]),
        ("rootwatch rules check ./", ["file "]),
        ("rootwatch rules check shipped:", [f"plain {each}" for each in SHIPPED_IDS]),
        ("rootwatch worker --rule shipped:aws-sts-assume", ["plain aws-sts-assume-root-rare-pair"]),
        ("rootwatch backtest --budget aws-sts-assume", ["open aws-sts-assume-root-rare-pair="]),
        ("rootwatch completion ", ["plain bash", "plain zsh", "plain fish"]),
        ("rootwatch worker --rule=shipped:aws-sts-assume", ["plain aws-sts-assume-root-rare-pair"]),
        ("rootwatch backtest --window ", []),
    ],
)
def test_what_is_offered(
    line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands, options and values are offered; files where files are read; nothing where nothing is known."""
    assert sorted(map(" ".join, offered(line, monkeypatch, capsys))) == sorted(expected)


def test_a_colon_that_breaks_no_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where ``:`` is taken out of COMP_WORDBREAKS, bash replaces the whole word, and so gets it whole."""
    found = offered("rootwatch rules check shipped:aws-sts-assume", monkeypatch, capsys, breaks=" =")
    assert found == [("plain", "shipped:aws-sts-assume-root-rare-pair")]


@pytest.mark.parametrize(
    "line", ["", "rootwatch", "rootwatch frob ", "rootwatch worker --frob ", "rootwatch 'unclosed "]
)
def test_a_line_that_is_wrong(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that no command accepts is no error while it is typed."""
    assert all(kind in {"plain", "open"} for kind, _ in offered(line, monkeypatch, capsys))


def test_topics_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Topics are those of the settings file, and the environment counts more, as in every command."""
    (tmp_path / "rootwatch.toml").write_text('source_topics = "audit, logs"\ntopic_prefix = "rw"\n')
    assert [value for _, value in offered("rootwatch backtest --topic ", monkeypatch, capsys)] == [
        "audit",
        "logs",
        "rw.sightings",
    ]
    monkeypatch.setenv("ROOTWATCH_SOURCE_TOPICS", "trail")
    assert ("plain", "trail") in offered("rootwatch explain --topic ", monkeypatch, capsys)


@pytest.mark.parametrize("content", [b"\xff", b"source_topics = ", b"source_topics = 5", None])
def test_a_settings_file_that_is_wrong(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A settings file that cannot be read, or is a folder, costs its topics and nothing else."""
    path = tmp_path / "rootwatch.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert ("plain", "rootwatch.sightings") in offered("rootwatch backtest --topic ", monkeypatch, capsys)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("zsh", "rootwatch wor", "1"), "plain\nworker\nRun a worker: CloudTrail in, alerts out."),
        (("zsh", "rootwatch backtest --principal i", "3"), "plain\nissuer\n_"),
        (("fish", "rootwatch ", "wor"), "plain,worker\tRun a worker: CloudTrail in, alerts out."),
        (("fish", "rootwatch demo --save ", ""), "dir,"),
    ],
)
def test_other_shells(
    asked: tuple[str, str, str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zsh and fish get kind, value and what it is about, as the scripts for them read it."""
    shell, words, position = asked
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", position)
    assert answer(f"{shell}_complete") == 0
    assert capsys.readouterr().out.rstrip("\n") == expected


@pytest.mark.parametrize("instruction", ["", "bash", "bash_source", "tcsh_complete"])
def test_an_instruction_of_no_script(instruction: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What none of the scripts asks is exit 1, and nothing is printed into the line."""
    assert answer(instruction) == 1
    assert capsys.readouterr().out == ""


def test_an_answer_imports_no_command() -> None:
    """A shell waits for the answer: neither Typer nor settings, clients or commands are imported for it."""
    heavy = (
        "typer",
        "rich",
        "pydantic",
        "faust",
        "aiokafka",
        "confluent_kafka",
        "rocksdict",
        "streams.commands.operate.worker",
    )
    code = (
        "import sys\nfrom streams.commands.start import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"sys.stderr.write(','.join(name for name in {heavy} if name in sys.modules))\n"
    )
    asked = {
        "_ROOTWATCH_COMPLETE": "bash_complete",
        "_ROOTWATCH_LINE": "rootwatch worker --s",
        "_ROOTWATCH_BREAKS": ":",
    }
    done = subprocess.run(  # noqa: S603  the project's own code
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, check=True, timeout=60
    )
    assert "--state-dir" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(shell: str) -> None:
    """``completion SHELL`` prints a script that asks for this shell, which accepts it where it is installed."""
    done = subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, "completion", shell], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == script(shell).strip()
    assert f"_ROOTWATCH_COMPLETE={shell}_complete" in done.stdout
    installed = shutil.which(shell)
    if installed is not None:
        subprocess.run([installed, "-n"], input=done.stdout, text=True, check=True, timeout=60)  # noqa: S603  a shell


def test_a_shell_without_a_script() -> None:
    """Another shell is exit 2, and the error names those that have a script."""
    done = subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, "completion", "tcsh"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert all(f"'{shell}'" in done.stderr for shell in ("bash", "zsh", "fish"))


def test_tab_in_bash(tmp_path: Path) -> None:
    """In a real bash, the tabulator completes commands, options, rules behind a colon, and files."""
    (tmp_path / "records.json").touch()
    typed = {
        "rootwatch work\t": "rootwatch worker ",
        "rootwatch backtest --princ\t": "rootwatch backtest --principal ",
        "rootwatch worker --rule shipped:aws-sts-assume\t": "--rule shipped:aws-sts-assume-root-rare-pair ",
        "rootwatch backtest --variant win\t": "rootwatch backtest --variant window=",
        "rootwatch explain rec\t": "rootwatch explain records.json ",
    }
    child, terminal = pty.fork()
    if child == 0:
        environment = {
            "PATH": f"{ROOTWATCH.parent}:{os.environ['PATH']}",
            "TERM": "dumb",
            "PS1": "ready> ",
            "HOME": "/",
        }
        os.chdir(tmp_path)
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], environment)  # noqa: S606  no shell in between
    try:
        read_until(terminal, "ready> ")
        # Readline must neither ring nor wrap the line, or what is read back is not what was completed.
        os.write(
            terminal,
            b"bind 'set horizontal-scroll-mode off'; stty columns 200; eval \"$(rootwatch completion bash)\"\n",
        )
        read_until(terminal, "\nready> ")
        for line, completed in typed.items():
            os.write(terminal, line.encode())
            assert completed in read_until(terminal, completed)
            os.write(terminal, b"\x15")  # clears the line
    finally:
        os.write(terminal, b"\x15exit\n")
        os.close(terminal)
        os.waitpid(child, 0)


def read_until(terminal: int, text: str) -> str:
    """Read a terminal until a text has come, and return all that was read."""
    read = ""
    while text not in read:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, f"no {text!r} in {read!r}"
        read += re.sub(r"\r|\x07|\x1b\[[?\d;]*[a-zA-Z]", "", os.read(terminal, 4096).decode(errors="replace"))
    return read
