from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ports import held_port

from streams import __version__
from streams.commands import main

ROOTWATCH = Path(sys.executable).with_name("rootwatch")


def rootwatch(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
    return subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=60
    )


@pytest.mark.parametrize("name", sorted(main.COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """Every command that --help lists can be loaded and says what it does."""
    assert main.load(name).help.strip()


def test_help_and_version_load_no_client() -> None:
    """--help and --version answer on stdout with exit 0, and wait for no Kafka client to be imported."""
    heavy = "faust", "aiokafka", "confluent_kafka", "rocksdict"
    code = (
        "import sys\nfrom streams.commands.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"sys.stderr.write(','.join(name for name in {heavy} if name in sys.modules))\n"
    )
    for argument, said in (("--help", "topics"), ("--version", f"rootwatch {__version__}")):
        done = subprocess.run(  # noqa: S603  the project's own code
            [sys.executable, "-c", code, argument], capture_output=True, text=True, check=True, timeout=60
        )
        assert said in done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("topix",), "Did you mean 'topics'?"),
        (("topics", "check", "--frobnicate"), "--frobnicate"),
        (("topics", "check", "--config", "gone.toml"), "rootwatch: --config = gone.toml: there is no such file"),
        (("explain",), "rootwatch: give files, or else --topic and --offset; one of them and not both"),
        (("explain", "m.json", "--topic", "t", "--offset", "0:1"), "give files, or else --topic and --offset"),
        (("explain", "--topic", "t"), "rootwatch: --topic and --offset need each other"),
        (("explain", "m.json", "--offset", "0:1"), "rootwatch: --topic and --offset need each other"),
        (("explain", "--topic", "t", "--offset", "5"), "rootwatch: --offset '5': write partition:offset"),
        (("alerts", "--from", "yesterday"), "rootwatch: --from = 'yesterday': write a time of RFC 3339"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """An unknown command or option, and a wrong setting, are exit 2 with a message on stderr and nothing on stdout."""
    done = rootwatch(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broker_that_is_not_there(tmp_path: Path) -> None:
    """A broker that does not answer is exit 1 with one line that names it."""
    with held_port() as unused_port:
        (tmp_path / "rootwatch.toml").write_text(f"bootstrap_servers = '127.0.0.1:{unused_port}'\n")
        done = rootwatch("topics", "check", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"no broker of 127.0.0.1:{unused_port} answers" in done.stderr


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """``rootwatch … | head -0`` ends without a message about the broken pipe."""
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(  # noqa: S603  the project's own command
        [ROOTWATCH, "--help"], stdout=write, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(write)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


@pytest.mark.parametrize("messages", [1, 1000], ids=["met at the end", "met in the middle"])
def test_an_output_without_room(tmp_path: Path, messages: int) -> None:
    """A full disk below standard output is exit 1 with one line that says so, whatever was read."""
    (tmp_path / "in.jsonl").write_text("{}\n" * messages)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603  the project's own command
            [ROOTWATCH, "explain", tmp_path / "in.jsonl"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr == b"rootwatch: standard output: cannot be written: No space left on device\n"


def test_modules_are_no_garbage() -> None:
    """The cycle collector rests while a command is imported, runs with the command, and has no objects at the end."""
    code = (
        "import gc, sys\nfrom streams.commands import main, start\n"
        "load, states = main.load, []\n"
        "def noting(name):\n"
        "    states.append(gc.isenabled())\n"
        "    command = load(name)\n"
        "    states.append(gc.isenabled())\n"
        "    return command\n"
        "main.load = noting\n"
        "try:\n    start.main()\nfinally:\n    sys.stderr.write(f'{states} {len(gc.get_objects()) < 1000}')\n"
    )
    done = subprocess.run(  # noqa: S603  the project's own code
        [sys.executable, "-c", code, "rules", "check", "shipped"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.endswith("[False, True] True")
