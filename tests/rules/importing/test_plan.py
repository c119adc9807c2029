"""U12: an import is idempotent, and keeps what a user wrote into a rule file."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from elastic_rules import RULE, THREAT, TOML, converted, line, only
from hypothesis import given
from hypothesis import strategies as st
from queries import MEANINGS, written

from streams.rules.importing.plan import Planned, plan
from streams.rules.query.parser import parse_query
from streams.rules.query.printer import print_query
from streams.rules.rule_file import RuleText, parse

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "rules/access-key-by-a-new-pair.toml"


def first(text: str, name: str = "rules.ndjson") -> Planned:
    (planned,) = plan([only(text, name)], [], "rules/")
    return planned


def again(existing: str, text: str, name: str = "rules.ndjson") -> Planned:
    (planned,) = plan([only(text, name)], [RuleText("rules/below/mine.toml", existing)], "rules/")
    return planned


def test_a_new_file_is_named_after_the_rule() -> None:
    """The file says where the rule is from, by which mapping, and under which licence; it loads."""
    planned = first(line(license="A licence", threat=[THREAT], tags=["x"]))
    assert (planned.action, planned.file) == ("new", FILE)
    head, licence = planned.text.splitlines()[:2]
    assert "mapping version 1" in head
    assert "A licence" in licence
    assert parse(planned.text, FILE).terms == tuple(RULE["new_terms_fields"])


def test_a_name_that_is_taken_gets_the_id() -> None:
    """Two rules of one name, or a file that is no rule of this id, keep their files."""
    same = [only(line()), only(line(rule_id="other"))]
    files = [
        planned.file for planned in plan(same, [RuleText(FILE.replace("access", "Access"), "broken = ")], "rules/")
    ]
    assert files == ["rules/access-key-by-a-new-pair-own-key.toml", "rules/access-key-by-a-new-pair-other.toml"]


def test_an_id_is_imported_once() -> None:
    """The second rule of one id is refused, with the place of the first."""
    outcomes = plan(converted(f"{line()}\n{line(name='Second')}"), [], "rules/")
    assert [planned.action for planned in outcomes] == ["new", "refused"]
    assert outcomes[1].conversion.verdict == "refused"
    assert "also the id of rules.ndjson:1" in outcomes[1].conversion.reasons[0].text


@pytest.mark.parametrize(("text", "name"), [(line(threat=[THREAT], note="a\n'''b'''\\"), "r.ndjson"), (TOML, "r.toml")])
def test_the_second_import_changes_nothing(text: str, name: str) -> None:
    """The file stays as it is, to the byte, wherever the user moved it."""
    written_once = first(text, name).text
    planned = again(written_once, text, name)
    assert (planned.action, planned.file, planned.text) == ("unchanged", "rules/below/mine.toml", written_once)


def test_comments_and_other_fields_stay() -> None:
    """Only a field whose value is another one is written; what is beside it stays."""
    mine = (
        "# Ours since May.\n"
        + first(line(tags=["a", "b"])).text.replace('window = "10d"', 'window = "30d"  # SEC-12')
        + '\n# The job forgets slowly.\nforget_after = "90d"\n'
    )
    planned = again(mine, line(tags=["a", "b"]))
    assert planned.fields == (("window", "'30d' is now '10d'"),)
    assert planned.text == mine.replace('window = "30d"  # SEC-12', 'window = "10d"  # SEC-12')


def test_comments_in_a_list_stay() -> None:
    """A list is changed member by member."""
    mine = first(line()).text + 'tags = [\n  "a",  # ours\n  "b",  # theirs\n]\n'
    planned = again(mine, line(tags=["a", "c"]))
    assert planned.text == first(line()).text + 'tags = [\n  "a",  # ours\n  "c",\n]\n'


def test_a_new_field_goes_before_the_tables() -> None:
    """A rule that gained a field has it where TOML reads it as one of the rule's."""
    planned = again(first(line(threat=[THREAT])).text, line(threat=[THREAT], max_signals=7, tags=["x"]))
    assert planned.fields == (("max_alerts", "is new"), ("tags", "is new"))
    assert parse(planned.text, "x").max_alerts == 7


def test_a_version_stays_if_the_form_has_none() -> None:
    """TOML has no version, so the one in the file is the user's."""
    mine = first(TOML, "own.toml").text.replace("version = 1\n", "version = 9\n")
    assert again(mine, TOML, "own.toml").action == "unchanged"


def test_a_file_that_could_not_be_loaded_any_more_stays() -> None:
    """A file of this id in the short form cannot take a query; the rule is refused."""
    short = (
        'id = "own-key"\nname = "n"\nversion = 1\nseverity = "low"\nrisk_score = 1\nwindow = "1d"\n'
        'event_source = "iam.amazonaws.com"\nevent_name = "CreateAccessKey"\n'
    )
    planned = again(short, line())
    assert (planned.action, planned.conversion.verdict) == ("refused", "refused")
    assert planned.conversion.reasons[0].place == "rules/below/mine.toml"


@st.composite
def queries(draw: Callable[..., object]) -> str:
    meaning = draw(MEANINGS)
    return str(draw(written(meaning)))  # type: ignore[call-arg]  # a composite takes no draw


@given(queries(), st.text(max_size=30), st.text(max_size=30))
def test_laws_of_an_import(query: str, note: str, name: str) -> None:
    """An imported query has the same meaning, prints as the same tree, and a second import changes nothing."""
    text = line(query=query, note=note, name=name or "n", description=note, tags=[name])
    planned = first(text)
    if planned.action == "refused":
        assert not name.strip()
        return
    imported = tomllib.loads(planned.text)["query"]
    meaning = parse_query(query)
    assert parse_query(imported) == meaning
    assert parse_query(print_query(parse_query(imported))) == meaning
    assert again(planned.text, text).text == planned.text


TEXTS = st.text(max_size=20)
TAGS = st.lists(TEXTS, max_size=4)
LINES = st.builds(
    lambda note, tags, references, threat, signals: line(
        note=note, tags=tags, references=references, threat=threat, max_signals=signals
    ),
    TEXTS,
    TAGS,
    TAGS,
    st.sampled_from([[], [THREAT], [THREAT, THREAT]]),
    st.integers(1, 200),
)


@given(LINES, LINES)
def test_a_changed_rule_is_set_and_no_comment_of_a_field_is_lost(before: str, after: str) -> None:
    """Whatever changed in Elastic: fields have the new values, others stay, and so does each comment at a field."""
    text = (
        first(before).text.replace("\nname =", "\n# Beside the name.\nname =").replace('"10d"', '"10d"  # At the end.')
    )
    wanted = tomllib.loads(first(after).text)
    planned = again(text, after)
    assert tomllib.loads(planned.text) == {**tomllib.loads(text), **wanted}
    assert "# Beside the name.\nname =" in planned.text
    assert '"10d"  # At the end.' in planned.text
    assert again(planned.text, after).text == planned.text
