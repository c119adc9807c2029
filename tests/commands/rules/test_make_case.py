"""``rootwatch rules case``: the case that a record makes (U12)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cloudtrail_messages import RECORD
from typer.testing import CliRunner

from streams.commands.rules import rules
from streams.errors import UsageError

SHIPPED = "shipped:aws-sts-assume-root-rare-pair"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(rules, ["case", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_record_makes_a_case_that_passes() -> None:
    """U12: the case holds the record without session tokens, and what it gives, and passes when it is run."""
    Path("record.json").write_text(json.dumps(RECORD, indent=2))
    Path("my.toml").write_text(RULE)
    line = run("record.json", "--rule", "my.toml", "--name", "it fires")
    case = json.loads(line)
    assert line.count("\n") == 1
    assert case["name"] == "it fires"
    assert [alert["novelty"] for alert in case["alerts"]] == ["first"]
    Path("my.cases.jsonl").write_text(line)
    assert CliRunner().invoke(rules, ["test", "my.toml"]).exit_code == 0


def test_several_records_are_one_history() -> None:
    """U12: the messages of all files make one case together."""
    Path("two.jsonl").write_text(f"{json.dumps(RECORD)}\n{json.dumps(RECORD)}\n")
    case = json.loads(run("two.jsonl", "--rule", SHIPPED, "--name", "twice"))
    assert len(case["records"]) == 2
    assert len(case["alerts"]) == 1


@pytest.mark.parametrize(
    ("file", "text", "rule", "words"),
    [
        ("r.json", "{}\n{}", SHIPPED, r"r.json: is no JSON: .*; name it .jsonl if each line is a message"),
        ("r.json", "[]", SHIPPED, "r.json: a record of a case is one JSON object"),
        ("r.jsonl", "\n", SHIPPED, "r.jsonl: no record there"),
        ("r.json", "{}", "shipped", r"--rule shipped: name one rule file; these are \d+ rules"),
    ],
)
def test_what_makes_no_case_is_refused(file: str, text: str, rule: str, words: str) -> None:
    """U12: a file that holds no JSON objects, and several rules, are wrong usage."""
    Path(file).write_text(text)
    with pytest.raises(UsageError, match=words):
        run(file, "--rule", rule, "--name", "x")


RULE = """
id = "r"
name = "R"
version = 1
severity = "low"
risk_score = 1
query = "event.action: AssumeRoot"
terms = ["rootwatch.member_account"]
window = "1d"
"""
