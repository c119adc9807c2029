"""A record that is dropped by what became of one like it would be dropped if it was read in full."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from changed_records import PATHS, SETS, VALUES, changed
from hypothesis import event, example, given
from hypothesis import strategies as st
from sightings import RULE

from streams import pipeline
from streams.detection.decision import DecisionSettings
from streams.extraction.sighting import Origin
from streams.fields.catalogue import known_names
from streams.rules.rule_set import RuleSet
from streams.worker.agents.refresh.dropped import MOST_TUPLES, Dropped, dropped

NOON = 1_772_359_200_000
ORIGIN = Origin("t", 0, 0, NOON)
EACH_FIELD = {
    name: RuleSet([replace(RULE, query="event.provider: *", terms=(name,), event_source=None, event_name=None)])
    for name in (*(name for name in known_names() if "*" not in name), "requestParameters.targetPrincipal")
}
RULES = SETS | EACH_FIELD
# What is written into the record: behind its first bracket, before its last one, and behind it.
WRITTEN = (
    *[("", "", "")] * 4,
    *(("", "", "\n"), ("", "", " {}"), ("", "", "\0"), ("\n", ",", ""), ('"x": NaN, ', "", "")),
    *(('"x": 1e999, ', "", ""), (f'"x": {"1" * 30}, ', "", ""), ('"x": "\\ud800", ', "", ""), ('"x": "\\q", ', "", "")),
    *((f'"x": {"[" * 200}{"]" * 200}, ', "", ""), ('"x": 01, ', "", ""), ('"x": "\xff", ', "", "")),
    *(("", ', "userIdentity": {"arn": "a"}', ""), ("", ', "eventName": "b", "event\\u004eame": "AssumeRoot"', "")),
    *(("", ', "userIdentity.arn": "b"', ""), ("", ', "userIdentity": "{}"', ""), ("", ', "resources": "[]"', "")),
    *(("", ', "requestParameters": null', ""), ("", ', "detail-type": "x", "detail": {}', ""), ("", ', "": [{}]', "")),
    *(("", ', "key": "sessionToken", "value": "x"', ""), ("", ', "sessionToken": {"userIdentity": {}}', "")),
)


def became(value: bytes, rules: RuleSet, settings: pipeline.ExtractSettings) -> Dropped | None:
    """What becomes of a message that is read in full; all tuples were sent a short time ago."""
    asked: dict[str, tuple[str, ...]] = {}

    def was_sent(rule_id: str, values: tuple[str, ...], _time: int, /) -> bool:
        asked[rule_id] = values
        return True

    result = pipeline.sight(value, rules, settings, ORIGIN, was_sent)
    decision = DecisionSettings(window=2, forget_after=2, refresh=1)
    return dropped(result, asked, dict.fromkeys(rules.by_id, decision))


def check(
    first: dict[str, str], second: dict[str, str], written: tuple[str, str, str], of: str, principal: str
) -> bool:
    """Check that a record which is known by another one would be dropped alike; return whether it is known."""
    rules = RULES[of]
    settings = pipeline.ExtractSettings(principal="issuer" if principal == "issuer" else "arn", follow_sessions=True)
    memo: pipeline.Memo[Dropped] = pipeline.Memo(rules, settings)
    value = json.dumps(changed(first)).encode()
    look, outcome = memo.look(value), became(value, rules, settings)
    if look is None or outcome is None:
        return False
    memo.learn(look.key, outcome)
    start, end, behind = written
    like = f"{{{start}{json.dumps(changed(first | second))[1:-1]}{end}}}{behind}".encode("latin-1")
    again = memo.look(like)
    if again is None or again.outcome is None or not pipeline.is_shallow_text(like):
        return False
    if pipeline.sighting_time(again.event_time, settings, ORIGIN) is None:
        return False
    found = became(like, rules, settings)
    assert found is not None
    assert (found.shape, found.tuples) == (outcome.shape, outcome.tuples)
    return True


@given(
    st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=2),
    st.sampled_from(WRITTEN),
    st.sampled_from(sorted(RULES)),
    st.sampled_from(["arn", "issuer"]),
)
@example({}, {"requestParameters.targetPrincipal": '"a"'}, WRITTEN[0], "rootwatch.member_account", "arn")
@example({}, {"userIdentity.arn": '"a"'}, WRITTEN[0], "rootwatch.principal", "arn")
@example({}, {"userIdentity.sessionContext.sessionIssuer": "{}"}, WRITTEN[0], "rootwatch.principal", "issuer")
@example({}, {"userIdentity.type": "true"}, WRITTEN[0], "userIdentity.type", "arn")
def test_a_record_is_dropped_as_if_it_was_read_in_full(
    first: dict[str, str], second: dict[str, str], written: tuple[str, str, str], of: str, principal: str
) -> None:
    """U7, R3: the same rules take it and have the same tuples of it, and what is malformed is never known."""
    event("known" if check(first, second, written, of, principal) else "not known")


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("of", ["r02", "rootwatch.issuer_or_arn", "requestParameters.targetPrincipal"])
def test_what_is_written_into_a_record_counts(written: tuple[str, str, str], of: str) -> None:
    """R3: a record with odd or damaged content is known only if it would be dropped in full."""
    check({}, {}, written, of, "arn")


@pytest.mark.parametrize(
    "of",
    [
        *("user.name", "user.id", "cloud.account.id", "cloud.region", "source.ip", "event.outcome", "event.dataset"),
        *("rootwatch.principal", "rootwatch.issuer_or_arn", "userIdentity.type", "requestParameters.targetPrincipal"),
    ],
)
def test_a_record_is_known_by_the_usual_fields(of: str) -> None:
    """What rules ask for most does not keep a record from being known again."""
    assert check({}, {"eventID": '"x"', "responseElements": "null"}, WRITTEN[0], of, "arn")


@pytest.mark.parametrize("more", [0, 1])
def test_the_tuples_of_few_rules_are_remembered(more: int) -> None:
    """What is remembered of one record takes little memory, however many rules take it."""
    rules = RuleSet([replace(RULE, id=f"r{number}") for number in range(MOST_TUPLES + more)])
    outcome = became(json.dumps(changed({})).encode(), rules, pipeline.ExtractSettings(follow_sessions=True))
    assert (outcome is None) == bool(more)
    assert outcome is None or len(outcome.tuples) == MOST_TUPLES
