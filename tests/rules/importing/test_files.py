"""U12: whatever a file holds, each rule in it has an outcome, and each thing that is no rule is named."""

from __future__ import annotations

import json

import pytest
from elastic_rules import RULE, TOML, converted, line, only
from hypothesis import given
from hypothesis import strategies as st

from streams.rules.importing.outcome import VERDICTS


@pytest.mark.parametrize(
    ("text", "name", "source", "said"),
    [
        ("", "a.toml", "a.toml", "holds no rule"),
        ("", "a.ndjson", "a.ndjson", "holds no rule"),
        (" \n\n", "-", "-", "holds no rule"),
        ("x = ", "a.toml", "a.toml", "neither TOML nor an export"),
        ("[metadata]\n", "a.toml", "a.toml", "have a table [rule]"),
        ("x = 1\n" + "#" * 1_000_000, "a.toml", "a.toml", "is too large for a rule: 1,000,006 characters"),
        ('a = "' + "x" * 100 + "\n", "-", "-", "neither TOML"),
        ("a = " + "[" * 100_000, "a.toml", "a.toml", "not TOML"),
        ('id = "x"\nwindow = "1d"\nseverity = "low"\n', "a.toml", "a.toml", "rootwatch already"),
        ('{"rule_id": "x"', "a.ndjson", "a.ndjson:1", "not JSON"),
        ("no", "a.ndjson", "a.ndjson:1", "not JSON"),
        ("5", "a.ndjson", "a.ndjson", "one JSON object per line"),
        ('{"a": 1}', "a.ndjson", "a.ndjson", "no rule_id"),
        ('{"rule_id": "' + "x" * 1_000_000 + '"}', "a.ndjson", "a.ndjson:1", "is too long for a rule"),
        ('{"exported_count": 0}', "a.ndjson", "a.ndjson", "holds no rule"),
        ("[" * 100_000, "a.ndjson", "a.ndjson:1", "nested too deeply"),
    ],
)
def test_what_is_no_rule_is_named(text: str, name: str, source: str, said: str) -> None:
    """The outcome is a refusal with the file, and the line of an export."""
    conversion = only(text, name)
    assert (conversion.verdict, conversion.source.removesuffix(":1")) == ("refused", source.removesuffix(":1"))
    assert said in conversion.reasons[0].text


def test_a_broken_line_spoils_no_other() -> None:
    """An export is read line by line; summary, exceptions and connectors are no rules."""
    others = '{"list_id": "l"}\n{"id": "c", "attributes": {}}\n{"exported_count": 2}'
    outcomes = converted(f"{line()}\nbroken\n\n{line(rule_id='second')}\n{others}\n")
    assert [(one.source, one.verdict) for one in outcomes] == [
        ("rules.ndjson:1", "ready"),
        ("rules.ndjson:2", "refused"),
        ("rules.ndjson:4", "ready"),
    ]


@pytest.mark.parametrize(
    "text", [json.dumps(RULE, indent=2), json.dumps([RULE], indent=2), line(), f"\r\n{line()}\r\n"]
)
@pytest.mark.parametrize("name", ["one.json", "-"])
def test_other_ways_to_write_json_are_read(text: str, name: str) -> None:
    """A rule as the API returns it is one document over several lines."""
    assert only(text, name).verdict == "ready"


def test_toml_is_known_by_its_content() -> None:
    """Standard input has no name that says the form."""
    assert only(TOML, "-").verdict == "ready"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*RULE, "threat", "filters", "exceptions_list", "tags", "note"]), ANYTHING))
def test_no_value_of_a_key_is_a_crash(changed: dict[str, object]) -> None:
    """Any value of any key has a verdict."""
    assert only(json.dumps({**RULE, **changed})).verdict in VERDICTS


@given(st.text())
def test_no_text_is_a_crash(text: str) -> None:
    """Any text has an outcome, as TOML and as an export."""
    assert converted(text, "a.toml")
    assert converted(text, "a.ndjson")
