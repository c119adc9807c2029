"""``rootwatch rules import``: files in, rule files and a report out (U12)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from elastic_rules import TOML, line

from streams.rules.importing.outcome import VERDICTS
from streams.settings.rule_entries import read_rules

ROOTWATCH = Path(sys.executable).with_name("rootwatch")


def run(cwd: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
    return subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, "rules", "import", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**environment, "COLUMNS": "80"},
        input=stdin,
        timeout=60,
    )


def test_both_forms_become_rule_files(tmp_path: Path) -> None:
    """The files load as rules, the second run changes nothing, and exit 0 says that all was imported."""
    (tmp_path / "own.toml").write_text(TOML)
    (tmp_path / "export.ndjson").write_text(f"{line(rule_id='second', name='Second')}\n")
    done = run(tmp_path, "own.toml", "export.ndjson")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready: own.toml: Access key by a new pair\n    new: rules/access-key-by-a-new-pair.toml\n" in done.stdout
    assert done.stdout.endswith("2 in all: 2 ready; fields by mapping version 1\n")
    before = {file: file.read_bytes() for file in (tmp_path / "rules").iterdir()}
    assert len(before) == 2
    assert run(tmp_path, "own.toml", "export.ndjson").stdout.count("    unchanged: ") == 2
    assert {file: file.read_bytes() for file in (tmp_path / "rules").iterdir()} == before
    assert {rule.rule.id for rule in read_rules([str(tmp_path / "rules")])} == {"own-key", "second"}


def test_json_has_everything(tmp_path: Path) -> None:
    """Programs read one object per rule, also for what is refused; the exit code is 1 then."""
    done = run(tmp_path, "-", "--json", stdin=f"{line()}\n{line(rule_id='x', filters=[{}])}\n")
    assert done.returncode == 1
    ready, refused = (json.loads(rule) for rule in done.stdout.splitlines())
    assert list(ready) == [
        "source",
        "rule_id",
        "name",
        "verdict",
        "reasons",
        "action",
        "file",
        "written",
        "fields",
        "changes",
        "differences",
        "left_out",
        "mapping_version",
    ]
    assert (ready["verdict"], ready["action"], ready["written"]) == ("ready", "new", True)
    assert (refused["verdict"], refused["action"], refused["file"]) == ("refused", "refused", None)
    assert [reason["place"] for reason in refused["reasons"]] == ["filters[0]"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """The report is the same but for one word; there is no folder afterwards."""
    done = run(tmp_path, "-", "--dry-run", "--to", "mine", stdin=line())
    assert "    would be new: mine/access-key-by-a-new-pair.toml\n" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.toml", "cannot be read: No such file or directory"),
        ("folder", "is a folder; name its files: folder/*.toml"),
        ("latin.toml", "is not UTF-8, at byte 6"),
        ("/dev/zero", "is too large; at most 100 MB are read"),
    ],
)
def test_what_cannot_be_read_spoils_no_other(tmp_path: Path, name: str, said: str) -> None:
    """The file is named with the cause, and the other files are imported; exit 1."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.toml").write_bytes(b'name="\xe9"')
    (tmp_path / "own.toml").write_text(TOML)
    done = run(tmp_path, name, "own.toml")
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout
    assert (tmp_path / "rules" / "access-key-by-a-new-pair.toml").exists()


def test_fifty_megabytes_are_no_crash(tmp_path: Path) -> None:
    """One endless line has one outcome."""
    (tmp_path / "big.ndjson").write_text('{"rule_id": "' + "x" * 50_000_000)
    done = run(tmp_path, "big.ndjson")
    assert (done.returncode, done.stderr) == (1, "")
    assert "is too long for a rule" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"), [((), "files"), (("a.toml", "--to", "file"), "is a file; name a folder")]
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is read, and stdout is empty."""
    (tmp_path / "file").touch()
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_rules_of_other_types_are_counted(tmp_path: Path) -> None:
    """An export has hundreds of them, so they are one line, with the numbers."""
    lines = [line(), line(rule_id="a", type="query"), line(rule_id="b", type="query"), line(rule_id="c", type="eql")]
    done = run(tmp_path, "-", stdin="\n".join(lines))
    assert done.returncode == 1
    assert "refused: 3 of another type (2 'query', 1 'eql'): " in done.stdout
    assert done.stdout.endswith("4 in all: 1 ready, 3 refused; fields by mapping version 1\n")


def test_a_file_of_the_folder_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    """It may be anybody's, so it is neither a rule's file nor overwritten."""
    (tmp_path / "rules").mkdir()
    broken = tmp_path / "rules" / "access-key-by-a-new-pair.toml"
    broken.write_bytes(b"\xff")
    done = run(tmp_path, "-", stdin=line())
    assert done.returncode == 0
    assert "rules/access-key-by-a-new-pair.toml: cannot be read, so it is left alone" in done.stderr
    assert broken.read_bytes() == b"\xff"
    assert (tmp_path / "rules" / "access-key-by-a-new-pair-own-key.toml").exists()


@pytest.mark.parametrize("folder", [".", "./", "mine/"])
def test_no_file_of_another_rule_is_overwritten(tmp_path: Path, folder: str) -> None:
    """Whatever way the folder is written, a name that is taken there is known."""
    (tmp_path / "mine").mkdir()
    other = tmp_path / folder / "access-key-by-a-new-pair.toml"
    other.write_text("# somebody's notes\n")
    assert run(tmp_path, "-", "--to", folder, stdin=line()).returncode == 0
    assert other.read_text() == "# somebody's notes\n"
    assert (tmp_path / folder / "access-key-by-a-new-pair-own-key.toml").exists()


def test_control_characters_of_a_rule_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """The name of a rule is shown with them escaped."""
    assert "\x1b" not in run(tmp_path, "-", stdin=line(name="a\x1b[2Jb")).stdout


GUIDE = (Path(__file__).parents[2] / "docs" / "migrating-from-elastic.md").read_text(encoding="utf-8")


def test_the_guide_shows_what_its_rule_gives(tmp_path: Path) -> None:
    """The rule of the guide is imported with the lines that the guide shows; the verdicts there are all of them."""
    (rule,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    (shown,) = re.findall(r"```\n(ready: .*?)```", GUIDE, re.DOTALL)
    (tmp_path / "export.ndjson").write_text(rule)
    assert run(tmp_path, "export.ndjson").stdout.startswith(shown)
    table = GUIDE.split("| verdict |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)) == set(VERDICTS)
