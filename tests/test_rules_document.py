"""``docs/rules.md``: its rule files load, its queries are understood, and its fault is what the reader would see."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from streams.commands.main import load
from streams.fields.mapping import MAPPED, MAPPING_VERSION, UNMAPPED
from streams.rules.duration import format_duration
from streams.rules.query.error import QueryError
from streams.rules.query.parser import parse_query
from streams.rules.rule import Rule
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet
from streams.settings.rule_entries import read_rules

PAGE = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
RULE_FILES = [text for text in TOML if text.startswith("id = ")]


@pytest.mark.parametrize("text", RULE_FILES)
def test_each_rule_file_loads(text: str) -> None:
    """A reader who copies a rule file of the page has a rule that runs."""
    assert RuleSet([parse(text, "rules.md")]).rules


def test_the_settings_are_of_its_rule() -> None:
    """The tables of settings on the page name a rule of the page."""
    ids = {tomllib.loads(text)["id"] for text in RULE_FILES}
    named = [rule_id for text in TOML for rule_id in tomllib.loads(text).get("rule_settings", {})]
    assert named
    assert set(named) <= ids


def rows(title: str) -> list[list[str]]:
    """The rows of the tables in a section, without their heads."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines if not line.startswith("---")]


def queries() -> tuple[list[str], list[str]]:
    """The queries of the table that are understood, and those that are refused."""
    found = [cells[0] for cells in rows("The query")]
    refused = found.index("refused")
    assert found[0] == "you write"
    return [cell[1:-1] for cell in found[1:refused]], [cell[1:-1] for cell in found[refused + 1 :]]


@pytest.mark.parametrize("query", queries()[0])
def test_each_query_is_understood(query: str) -> None:
    """U1: every query of the table parses."""
    parse_query(query)


@pytest.mark.parametrize("query", queries()[1])
def test_each_refused_query_is_refused(query: str) -> None:
    """U1: every query that the page calls refused is refused."""
    with pytest.raises(QueryError):
        parse_query(query)


def test_the_table_of_the_language_has_every_feature() -> None:
    """U1: each keyword, star, escape and kind of value has a row."""
    text = "\n".join(queries()[0])
    for feature in (
        " and ",
        " or ",
        "not ",
        " AND NOT ",
        "(",
        '"',
        "*",
        ": *",
        "\\*",
        '\\"',
        "\\and",
        "false",
        "2001:",
        "64500",
    ):
        assert feature in text


def test_the_table_of_fields_is_the_mapping() -> None:
    """U2: the page lists exactly the fields of the mapping, each with CloudTrail's names of it."""
    listed = {cells[0].strip("`"): tuple(re.findall(r"`(\S+?)`", cells[1])) for cells in rows("Fields")[1:]}
    assert listed == {**MAPPED, **dict.fromkeys(UNMAPPED, ())}
    assert f"mapping version {MAPPING_VERSION}" in PAGE.replace("\n", " ")


def test_the_table_of_what_ships_is_what_ships() -> None:
    """U14: every rule that ships is listed with its terms and window."""
    found = [named.rule for named in read_rules(["shipped"])]
    listed = {cells[0].strip("`"): (re.findall(r"`(\S+?)`", cells[2]), cells[3]) for cells in rows("What ships")[1:]}
    assert listed == {rule.id: (list(rule.terms), format_duration(rule.window)) for rule in found}


def test_the_ten_minutes_go_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: a reader who writes the page's files and runs its commands has a rule that fires, and cases that pass."""
    section = PAGE.split("## Ten minutes")[1].split("\n## ")[0]

    def block(kind: str) -> str:
        (text,) = re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
        return str(text)

    for folder in ("archive", "rules"):
        (tmp_path / folder).mkdir()
    (tmp_path / "record.json").write_text(block("json"))
    (tmp_path / "archive/one.json").write_text(block("json"))
    (tmp_path / "rules/mfa.toml").write_text(block("toml"))
    before, case, after = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    cases = f"cat >> rules/mfa.cases.jsonl <<'END'\n{block('jsonl')}END\n"
    strict = "rootwatch rules check --strict rules/mfa.toml\nrootwatch rules test --strict rules/mfa.toml\n"
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run(  # noqa: S603  the page's own commands
        ["/bin/bash", "-ec", before + case + cases + after + strict],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "ok\tiam-mfa-removed-by-new-principal: 1 firing, 1 silent" in done.stdout
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1
    assert "<html" in (tmp_path / "mfa.html").read_text()


def test_the_job_of_ci_has_commands_that_exist() -> None:
    """U12: the job is YAML, and each of its rootwatch commands has these options."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    steps = yaml.safe_load(text)["jobs"]["rules"]["steps"]
    commands = [step["run"].split() for step in steps if step.get("run", "").startswith("rootwatch")]
    assert len(commands) >= 3
    for command in commands:
        loaded = load(command[1])
        if command[1] == "rules":
            loaded = loaded.commands[command[2]]
        known = {option for parameter in loaded.params for option in parameter.opts}
        assert {word for word in command if word.startswith("--")} <= known


def test_the_table_has_every_field_of_a_rule_file() -> None:
    """The table of fields lists what a rule file may hold, and no more."""
    section = PAGE.split("## A rule file")[1].split("\n## ")[0]
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))))
    assert listed == {field.name for field in fields(Rule)} - {"event_source", "event_name"}


def test_the_fault_is_the_real_one() -> None:
    """The example of a fault is the message for that fault."""
    (line,) = re.findall(r"^rules/example.toml: query:(.*)$", PAGE, re.MULTILINE)
    with pytest.raises(QueryError) as caught:
        parse_query('event.action: "CreateUser')
    assert str(caught.value) == line
