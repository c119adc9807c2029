from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import DAY

from streams.rules.rule_errors import RuleErrors
from streams.rules.rule_file import NamedRule, RuleText, parse, parse_all

NAME = "rules/mine.toml"
HEAD = """
id = "{id}"
name = "Mine"
version = 1
severity = "low"
risk_score = 21
window = "10d"
"""
LONG = HEAD.format(id="mine") + 'query = "event.action: CreateUser"\nterms = ["cloud.account.id", "user.name"]\n'
SHORT = HEAD.format(id="mine") + 'event_source = "sts.amazonaws.com"\nevent_name = "AssumeRoot"\n'
TERMS = "must be a list of 1 to 3 different names of fields, in quotes"
DURATION = 'must be a duration in quotes, with units w, d, h, m or s, such as "10d" or "1d12h"'
STANDS = "stands for a query and terms, which this rule has too; remove one of the two"
EITHER = "write query and terms, or else event_source and event_name"


def faults(text: str) -> list[str]:
    with pytest.raises(RuleErrors) as wrong:
        parse(text, NAME)
    return str(wrong.value).splitlines()


def test_a_rule_with_a_query_has_the_defaults() -> None:
    """U8: a rule needs no texts; incomplete records are counted, and the rest is the settings' or the window's."""
    rule = parse(LONG, NAME)
    assert (rule.query, rule.terms) == ("event.action: CreateUser", ("cloud.account.id", "user.name"))
    assert (rule.event_source, rule.event_name, rule.incomplete) == (None, None, "count")
    assert (rule.forget_after, rule.refresh, rule.learn, rule.max_entries) == (None, None, None, 1_000_000)
    assert (rule.max_alerts, rule.cap_period, rule.tags, rule.description) == (100, 300_000, (), None)


def test_every_optional_value_is_read() -> None:
    """U8: the optional values of a rule, durations in milliseconds; zero is allowed where it means something."""
    more = 'forget_after = "30d"\nrefresh = "0s"\nlearn = "0d"\nmax_entries = 7\nincomplete = "dead-letter"\n'
    rule = parse(LONG + more + 'max_alerts = 0\ncap_period = "1h"\n', NAME)
    assert (rule.forget_after, rule.refresh, rule.learn, rule.max_entries) == (30 * DAY, 0, 0, 7)
    assert (rule.incomplete, rule.max_alerts, rule.cap_period) == ("dead-letter", 0, DAY // 24)


def test_the_short_form_stands_for_its_values_unless_they_are_written() -> None:
    """U3: the short form's query, terms, dead letters and exactness; the last two may be written otherwise."""
    rule = parse(SHORT, NAME)
    assert rule.query == 'event.provider: "sts.amazonaws.com" and event.action: "AssumeRoot" and event.outcome: success'
    assert rule.terms == ("rootwatch.principal", "rootwatch.member_account")
    assert (rule.incomplete, rule.refresh) == ("dead-letter", 0)
    rule = parse(f'{SHORT}incomplete = "count"\nrefresh = "1h"\n', NAME)
    assert (rule.incomplete, rule.refresh) == ("count", DAY // 24)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (LONG + "event_name = 'X'\n", [f"event_name: 'X': {STANDS}"]),
        (
            SHORT + "query = 'event.action: b'\n",
            [f"event_source: 'sts.amazonaws.com': {STANDS}", f"event_name: 'AssumeRoot': {STANDS}"],
        ),
        (HEAD.format(id="mine"), [f"query: is missing; {EITHER}", f"terms: is missing; {EITHER}"]),
        (HEAD.format(id="mine") + "query = 'event.action: a'", [f"terms: is missing; {EITHER}"]),
        (HEAD.format(id="mine") + "terms = ['user.name']", [f"query: is missing; {EITHER}"]),
        (HEAD.format(id="mine") + "event_name = 'A'", ["event_source: is missing; event_name needs it"]),
        (LONG.replace('["cloud.account.id", "user.name"]', "[]"), [f"terms: []: {TERMS}"]),
        (LONG.replace('["cloud.account.id", "user.name"]', "'user.name'"), [f"terms: 'user.name': {TERMS}"]),
        (
            LONG.replace('"user.name"', '"user.id", "event.id", "cloud.region"'),
            [f"terms: ['cloud.account.id', 'user.id', 'event.id', 'cloud.region']: {TERMS}"],
        ),
        (LONG.replace('"user.name"', "7"), [f"terms: 7: {TERMS}"]),
        (LONG.replace('"user.name"', '["user.name"]'), [f"terms: ['user.name']: {TERMS}"]),
        (LONG.replace('"user.name"', '"cloud.account.id"'), [f"terms: 'cloud.account.id': is there twice; {TERMS}"]),
        (
            LONG.replace('["cloud.account.id", "user.name"]', '["event.action", "eventName"]'),
            [f"terms: 'eventName': is the same field as 'event.action'; {TERMS}"],
        ),
        (LONG.replace("10d", "10"), [f"window: '10': {DURATION}"]),
        (LONG.replace('"10d"', "10"), [f"window: 10: {DURATION}"]),
        (LONG.replace("10d", "0s"), ["window: '0s': must be longer than 0"]),
        (LONG + "forget_after = '9d'", ["forget_after: '9d': must be at least the window, which is 10d"]),
        (LONG + "refresh = '10d'", ["refresh: '10d': must be shorter than the window, which is 10d"]),
        (LONG + "cap_period = '25h'", ["cap_period: '25h': must be at most 1d"]),
        (LONG + "max_entries = 0", ["max_entries: 0: Input should be greater than or equal to 1"]),
        (LONG + "incomplete = 'drop'", ["incomplete: 'drop': Input should be 'count' or 'dead-letter'"]),
        (
            LONG.replace("'mine'", "''").replace('"mine"', '"a b"'),
            ["id: 'a b': must be 1 to 128 letters, digits, '.', '_' or '-'"],
        ),
        (
            LONG.replace('"mine"', f'"{"a" * 129}"'),
            [f"id: '{'a' * 129}': must be 1 to 128 letters, digits, '.', '_' or '-'"],
        ),
        (LONG + 'quary = "a: b"', ["quary: 'a: b': is not a field of a rule; did you mean query?"]),
        (LONG + '"a\\nb" = 1', None),
        (LONG.replace('"event.action: CreateUser"', "7"), ["query: 7: must be text"]),
        (LONG + "x = " + "[" * 5000, None),
        (LONG + "max_entries = " + "9" * 5000, None),
        (LONG + f"tags = '{'x' * 100_000}'", None),
        (LONG.replace('"event.action: CreateUser"', '""'), None),
        (LONG + 'name = "twice"', None),
    ],
)
def test_each_fault_is_a_line(text: str, lines: list[str] | None) -> None:
    """U8: a fault is ``FILE: FIELD: VALUE: what is allowed`` on one line, however long or odd the value is."""
    found = faults(text)
    assert all(line.startswith(f"{NAME}: ") and len(line) < 2000 for line in found)
    if lines is None:
        assert len(found) == 1
    else:
        assert found == [f"{NAME}: {line}" for line in lines]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("event.action: CreateUser and", "1:29"),
        ("\nevent.action: (a or\n  b", "3:4"),
        ("user.nam: x", "1:1"),
        ("event.action: a and\tuser.name > 5", "1:31"),
        ("CreateUser", "1:1"),
        ("", "1:1"),
    ],
)
def test_a_fault_of_the_query_has_its_place(query: str, place: str) -> None:
    """U1: a fault of the query is ``FILE: query:LINE:COLUMN: …``, counted in the query's own text."""
    (line,) = faults(HEAD.format(id="mine") + f'terms = ["user.name"]\nquery = """\n{query}"""\n')
    assert line.startswith(f"{NAME}: query:{place}: ")
    assert len(line.split(": ")) >= 4


def test_an_unknown_term_comes_with_the_nearest() -> None:
    """U2: an unknown field among the terms is named with the nearest known ones, as in a query."""
    (line,) = faults(LONG.replace("user.name", "user.nam"))
    assert line.startswith(f"{NAME}: terms: 'user.nam': ")
    assert "user.name" in line.removeprefix(f"{NAME}: terms: 'user.nam': ")


def test_a_term_like_no_field_comes_with_an_example() -> None:
    """U8: also a name that is near to none says what is allowed; one without a leaf is no field."""
    allowed = "a field of ECS or CloudTrail is allowed, such as event.action or requestParameters.roleArn"
    assert faults(LONG.replace("user.name", "x.y")) == [f"{NAME}: terms: 'x.y': no field is named x.y; {allowed}"]
    (line,) = faults(LONG.replace("user.name", "requestParameters"))
    assert line.startswith(f"{NAME}: terms: 'requestParameters': ")


def test_all_faults_of_a_file_are_named_at_once() -> None:
    """U8: each wrong field has its line, in the order of the fields of a rule, whatever the order in the file."""
    text = (
        LONG.replace("21", "121").replace("10d", "ten").replace("CreateUser", "(").replace("user.name", "usr") + "x = 1"
    )
    assert [line.split(": ")[1].split(":")[0] for line in faults(text)] == [
        "risk_score",
        "query",
        "terms",
        "window",
        "x",
    ]


A, B, C = (HEAD.format(id=name) + LONG.partition('window = "10d"\n')[2] for name in "abc")


@given(st.permutations([RuleText("1.toml", B), RuleText("2.toml", A), RuleText("3.toml", C)]))
def test_the_order_of_files_changes_nothing(texts: list[RuleText]) -> None:
    """U8: rules come in the order of their files' names, whatever the order in which they are given."""
    assert parse_all(texts) == [NamedRule(name, parse(text, name)) for name, text in sorted(texts)]


@given(st.permutations([RuleText("1.toml", B), RuleText("2.toml", B), RuleText("3.toml", "x"), RuleText("4.toml", A)]))
def test_all_faults_of_all_files_are_named(texts: list[RuleText]) -> None:
    """U8: two rules of one id and a file that is no TOML spoil the set; both are said, in the order of the files."""
    with pytest.raises(RuleErrors) as wrong:
        parse_all(texts)
    first, second = wrong.value.faults
    assert first == "2.toml: id: 'b': is also the id of 1.toml; each rule needs its own"
    assert second.startswith("3.toml: not TOML: ")


def test_an_id_is_compared_also_if_another_fault_is_in_the_file() -> None:
    """U8: a file with a wrong window still has its id, and both faults are named."""
    with pytest.raises(RuleErrors) as wrong:
        parse_all([RuleText("1.toml", A.replace("10d", "ten")), RuleText("2.toml", A.replace("21", "121"))])
    assert [fault.split(": ")[:2] for fault in wrong.value.faults] == [
        ["1.toml", "window"],
        ["2.toml", "id"],
        ["2.toml", "risk_score"],
    ]
