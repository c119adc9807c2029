"""``docs/rules.md``: its rule files load, its queries are understood, and its fault is what the reader would see."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from streams.rules.query.error import QueryError
from streams.rules.query.parser import parse_query
from streams.rules.rule import Rule
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet

PAGE = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
RULE_FILES = [text for text in TOML if text.startswith("id = ")]
QUERIES = re.findall(r"^\| `(.+?)` \| (?:whose|the same|with|that|from)", PAGE, re.MULTILINE)


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


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_is_understood(query: str) -> None:
    """Every query of the table parses."""
    assert len(QUERIES) == 8
    parse_query(query)


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
