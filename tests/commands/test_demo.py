from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOTWATCH = str(Path(sys.executable).with_name("rootwatch"))
# A demo that never hears that the days before are done: it is under way until somebody ends it.
UNDER_WAY = """
from streams.commands.main import main
from streams.demo.broker import EmbeddedBroker
EmbeddedBroker.all_committed = lambda *_: False
main()
"""


def start(*arguments: str, folder: Path, program: Sequence[str] = (ROOTWATCH,)) -> subprocess.Popen[str]:
    """The demo, in an environment with other settings for a worker, with ``folder`` for temporary files."""
    environment = {
        **os.environ,
        "TMPDIR": str(folder),
        "ROOTWATCH_BOOTSTRAP_SERVERS": "nowhere.invalid:9092",
        "ROOTWATCH_MAX_ALERTS": "1",
    }
    return subprocess.Popen(  # noqa: S603  the project's own command
        [*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    )


class Ended(NamedTuple):
    """The result of a finished run."""

    code: int
    out: str
    err: str
    folder: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """The demo as a table and as JSON lines, and its samples in the folder ``samples``: side by side, to save time."""
    commands = {"table": ("demo",), "json": ("demo", "--json"), "save": ("demo", "--save", "samples")}
    folders = {name: tmp_path_factory.mktemp(name) for name in commands}
    started = {name: start(*arguments, folder=folders[name]) for name, arguments in commands.items()}
    return {
        name: Ended(*_outputs(process, seconds=120), folders[name])  # type: ignore[arg-type]
        for name, process in started.items()
    }


def _outputs(process: subprocess.Popen[str], seconds: float) -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def alerts_of(run: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.out.splitlines()]


def test_the_table_for_a_pipe(runs: dict[str, Ended]) -> None:
    """The demo ends with 0 and shows its alerts with reasons on stdout, without a control character when piped."""
    run = runs["table"]
    assert run.code == 0, run.err
    assert all(letter.isprintable() for line in run.out.splitlines() for letter in line)
    shown = "".join(run.out.split())
    assert shown.count("tookrooton") == len(alerts_of(runs["json"]))
    assert "againafter112days" in shown


def test_each_alert_has_its_session(runs: dict[str, Ended]) -> None:
    """S13: under each alert is what was done; the last session but one was used, and the last one was not."""
    shown = "".join(runs["table"].out.split())
    sessions = [text.partition(":")[2] for text in shown.split("session,")[1:]]
    assert len(sessions) == len(alerts_of(runs["json"]))
    assert [text.partition(":")[0] for text in shown.split("session,")[1:]] == [
        *("low", "high", "medium", "low", "low"),
        *("medium", "low"),
    ]
    assert sessions[1].startswith("enabledtherecoveryofroot'spassword")
    assert sessions[-2].startswith("deletedthebucketpolicyofamzn-s3-demo-bucket1")
    assert sessions[-1].startswith("nothingwasrecorded")


def test_the_words_beside_the_table(runs: dict[str, Ended]) -> None:
    """Progress, the outcomes of all messages and what to read next are on stderr, in at most 80 columns."""
    told = runs["table"].err
    assert max(map(len, told.splitlines())) <= 80
    assert re.search(r"messages     360, 3\d\d of them dropped at fetch", told)
    assert "sightings    35: 23 only taught, 5 known, 7 alerts" in told
    assert "dead letters 1 malformed" in told
    assert "sessions     34: 1 high, 2 medium, 31 low; 31 without any recorded action" in told
    assert "docs/alerts.md" in told


def test_who_alerts(runs: dict[str, Ended]) -> None:
    """The stolen key alerts on five accounts, Mary on a new one, Paulo after months; the audit job on none (M1, M6)."""
    run = runs["json"]
    assert run.code == 0, run.err
    alerts = alerts_of(run)
    who = [alert["principal"]["arn"].rpartition("/")[2] for alert in alerts]
    assert who == [*["ci-bot"] * 5, "mary.major", "paulo.santos"]
    assert [alert["novelty"]["kind"] for alert in alerts] == [*["first"] * 6, "returned"]
    assert [alert["novelty"]["principal_known_accounts"] for alert in alerts] == [0, 1, 2, 3, 4, 2, 0]
    assert "sessionTokenThat" not in run.out  # T7


def test_a_backtest_over_the_saved_samples_agrees(runs: dict[str, Ended]) -> None:
    """The files that --save writes give the same alert ids in a backtest: live and replay agree (A1, M9)."""
    assert runs["save"].code == 0, runs["save"].err
    process = start(
        "backtest", "samples", "--learn-until", "2025-06-10", "--max-alerts", "100", folder=runs["save"].folder
    )
    code, out, err = _outputs(process, seconds=120)
    assert code == 0, err
    replayed = [json.loads(line)["alert_id"] for line in out.splitlines()]
    assert replayed == [alert["alert_id"] for alert in alerts_of(runs["json"])]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """--save to the path of a file is exit 1 with one line that names it."""
    (tmp_path / "taken").write_text("a file")
    code, out, err = _outputs(start("demo", "--save", "taken", folder=tmp_path), seconds=120)
    assert (code, out) == (1, "")
    assert err.startswith("rootwatch: --save taken: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C and SIGTERM stop the worker; the demo ends with 130, without a traceback, and leaves no file."""
    with start("demo", folder=tmp_path, program=(sys.executable, "-c", UNDER_WAY)) as process:
        assert process.stderr is not None
        while "the days before" not in (line := process.stderr.readline()):
            assert line, "the demo ended by itself"
        process.send_signal(sent)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert all(line.startswith(" ") for line in err.splitlines()), err  # progress only
    assert list(tmp_path.iterdir()) == []
