"""What rules take of records: combinations, counts, and what is no event (U3, U4)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import EVENT_MS, MISSING, RECORD, changed
from hypothesis import given
from hypothesis import strategies as st
from sightings import RULE

from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Origin, Sighting
from streams.pipeline import ExtractSettings, SightResult, Taking, sight
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from streams.rules.rule import Rule

DAY = 86_400_000
ARNS = "resources.ARN"
TAGS = "requestParameters.tags"


def rule(query: str = "event.action: AssumeRoot", *terms: str, rule_id: str = "r", **others: Any) -> Rule:
    """A rule that counts what is incomplete."""
    given = {"incomplete": "count", **others}
    return replace(
        RULE, id=rule_id, event_source=None, event_name=None, query=query, terms=terms or ("event.action",), **given
    )


def taken(changes: dict[str, Any], *rules: Rule, origin: Origin | None = None, **settings: Any) -> SightResult:
    """What rules take of one record."""
    value = json.dumps(changed(changes)).encode()
    return sight(value, RuleSet(rules), ExtractSettings(**settings), origin)


def values(result: SightResult) -> list[tuple[str, ...]]:
    return [sighting.values for sighting in result.sightings]


def test_combinations_have_the_first_term_slowest_and_the_records_order() -> None:
    """U4: the cross product of the values, each with its index."""
    changes = {TAGS: ["b", "a"], "requestParameters.ports": [443, 22]}
    result = taken(changes, rule("event.action: *", TAGS, "requestParameters.ports"))
    assert values(result) == [("b", "443"), ("b", "22"), ("a", "443"), ("a", "22")]
    assert [sighting.combination for sighting in result.sightings] == [0, 1, 2, 3]
    assert {sighting.terms[1].field for sighting in result.sightings} == {"requestParameters.ports"}


def test_equal_values_count_once() -> None:
    """U4: a value that stands twice in a list gives one sighting, whatever its type in JSON."""
    assert values(taken({TAGS: ["a", "a", 5, "5", 5.0, True, "true"]}, rule("event.action: *", TAGS))) == [
        ("a",),
        ("5",),
        ("true",),
    ]


@pytest.mark.parametrize(("first", "second", "cut"), [(10, 10, 0), (101, 1, 1), (100, 100, 9_900)])
def test_the_first_hundred_combinations_count(first: int, second: int, cut: int) -> None:
    """U4: a cross product of 10,000 gives 100 sightings, and the others are counted."""
    changes = {TAGS: [f"a{n}" for n in range(first)], "requestParameters.ports": list(range(second))}
    result = taken(changes, rule("event.action: *", TAGS, "requestParameters.ports"))
    every = [(f"a{n}", str(m)) for n in range(first) for m in range(second)]
    assert values(result) == every[:100]
    assert result.rules == {"r": Taking(taken=1, sightings=min(100, len(every)), cut=cut)}


NO_TERMS: dict[str, Any] = {
    "an object": {"a": {"b": 1}},
    "an empty object": {},
    "null": None,
    "an empty text": "",
    "a hyphen": "-",
    "the word none": "none",
    "an empty list": [],
    "a list of these": [None, "", {"a": 1}, ["-"]],
    "a number out of range": 10**101,
    "a text of 100 kB": "x" * 100_000,
    "a text just too long": "x" * 16_385,
    "nothing at all": MISSING,
}


@pytest.mark.parametrize("name", NO_TERMS)
def test_a_record_without_a_term_is_counted_and_no_event(name: str) -> None:
    """U3, U4: what is no value is no term; the record is taken, counted under the term's field, and no dead letter."""
    path = "requestParameters.targetPrincipal"
    result = taken({path: NO_TERMS[name]}, rule("event.action: *", "event.action", path))
    assert (result.sightings, result.rejected) == ((), ())
    assert result.rules == {"r": Taking(taken=1, missing_terms={path: 1})}
    [reason] = result.passed_over
    assert "rule r " in reason
    assert path in reason


def test_each_missing_term_is_counted() -> None:
    """U3: a record without two terms counts for both; the terms that it has do not matter."""
    result = taken({}, rule("event.action: *", "requestParameters.a", "event.action", "requestParameters.b"))
    assert result.rules["r"].missing_terms == {"requestParameters.a": 1, "requestParameters.b": 1}


def test_the_longest_term_is_one() -> None:
    """U4: a text of 16,384 characters is a term."""
    assert len(taken({TAGS: ["x" * 16_384]}, rule("event.action: *", TAGS)).sightings) == 1


def test_a_value_that_is_too_long_is_counted_beside_good_ones() -> None:
    """U4: the other values give sightings, and nothing is left out in silence."""
    result = taken({TAGS: ["x" * 16_385, "a"]}, rule("event.action: *", TAGS))
    assert values(result) == [("a",)]
    assert result.rules == {"r": Taking(taken=1, sightings=1, missing_terms={TAGS: 1})}


@pytest.mark.parametrize(
    ("changes", "origin", "settings"),
    [
        ({"eventTime": MISSING}, None, {}),
        ({"eventTime": "soon"}, None, {}),
        ({}, Origin("t", 0, 0, EVENT_MS - DAY - 1), {}),
        ({}, Origin("t", 0, 0, NO_TIMESTAMP), {"clock": "record"}),
    ],
)
def test_a_record_without_a_time_is_counted(
    changes: dict[str, Any], origin: Origin | None, settings: dict[str, Any]
) -> None:
    """U3, T5: no readable time, or one of the future, is no event; only a rule that says so makes it a dead letter."""
    result = taken(changes, rule(), origin=origin, **settings)
    assert (result.sightings, result.rejected) == ((), ())
    assert result.rules == {"r": Taking(taken=1, no_time=1)}
    kept = taken(changes, rule(incomplete="dead-letter"), origin=origin, **settings)
    assert [rejected.reason for rejected in kept.rejected] == ["incomplete"]
    assert kept.rules == {"r": Taking(taken=1, no_time=1)}


def test_the_member_account_is_given_if_it_is_a_term() -> None:
    """T4, contract: without this term a sighting has no account; it has a principal where the record has one."""
    with_account, without = rule("event.action: *", "rootwatch.member_account"), rule(rule_id="s")
    one, other = taken({}, with_account, without).sightings
    assert one.member_account == one.values[0]
    assert one.member_account_source == "target"
    assert (other.member_account, other.member_account_source) == (None, None)
    assert one.principal == other.principal == RECORD["userIdentity"]["arn"]
    [nameless] = taken({"userIdentity.arn": MISSING}, without).sightings
    assert (nameless.principal, nameless.identity.recorded_arn) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"eventCategory": "Insight"},
        {"eventCategory": "NetworkActivity"},
        {"eventType": "AwsCloudTrailInsight"},
        {"eventType": "AwsVpceEvent"},
    ],
)
def test_what_is_no_call_is_never_taken(changes: dict[str, Any]) -> None:
    """U3: Insight and network activity events are never taken, not even by a query that takes everything."""
    assert taken(changes, rule("event.dataset: *")).rules == {}


@pytest.mark.parametrize("order", ["Zz", "zZ"])
def test_sightings_go_by_rule_id_whatever_the_order_of_the_rules(order: str) -> None:
    """Contract: by record, rule id and combination."""
    result = taken({}, *(rule(rule_id=rule_id) for rule_id in order))
    assert [sighting.rule_id for sighting in result.sightings] == ["Z", "z"]
    assert list(result.rules) == ["Z", "z"]


RULES = (
    rule(rule_id="everything", query="event.dataset: *"),
    rule('event.action: AssumeRoot and not user_agent.original: "x"', "user.name", rule_id="of-users"),
    rule("event.outcome: failure", "errorCode", "requestParameters.a", rule_id="failures"),
    rule("requestParameters.a: *1*", "requestParameters.a", "cloud.account.id", rule_id="parameters"),
    rule("event.action: (a or b)", "source.ip", rule_id="names", incomplete="dead-letter"),
)
LEAVES = st.sampled_from(
    [
        None,
        "",
        "-",
        "1",
        "AssumeRoot",
        "a",
        "x",
        1,
        1e300,
        True,
        "192.0.2.1",
        "x" * 20_000,
        "Root",
        "sessionToken=abcdefgh",
    ]
)
JSON_VALUES = st.recursive(
    LEAVES | st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "arn", "accountId", "userName", "type", "sessionToken"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        *RECORD,
        "errorCode",
        "errorMessage",
        "resources",
        "requestParameters",
        "eventName",
        "eventCategory",
        "a",
        "user.name",
    ]
)
RECORDS = st.dictionaries(FIELDS, JSON_VALUES, max_size=6).map(lambda changes: {**RECORD, **changes})


def of_rule(sightings: tuple[Sighting, ...], rule_id: str) -> list[Sighting]:
    return [sighting for sighting in sightings if sighting.rule_id == rule_id]


@given(st.lists(RECORDS, min_size=1, max_size=3), st.permutations(RULES))
def test_a_rule_takes_the_same_whatever_rules_are_beside_it(records: list[Any], rules: list[Rule]) -> None:
    """U3, U10: neither the order of the rules nor the others change what a rule takes; no JSON raises."""
    value = json.dumps(records).encode()
    together = sight(value, RuleSet(rules), ExtractSettings())
    for one in rules:
        alone = sight(value, RuleSet([one]), ExtractSettings())
        assert of_rule(together.sightings, one.id) == list(alone.sightings)
        assert together.rules.get(one.id) == alone.rules.get(one.id)


@given(JSON_VALUES)
def test_any_json_gives_a_result(value: Any) -> None:
    """R3: no value is too odd to be read, and each sighting is counted for its rule."""
    result = sight(json.dumps(value).encode(), RuleSet(RULES), ExtractSettings())
    assert result.rules.keys() <= {rule.id for rule in RULES}
    for rule_id, taking in result.rules.items():
        assert taking.sightings == len(of_rule(result.sightings, rule_id))
    assert sum(taking.sightings for taking in result.rules.values()) == len(result.sightings)
