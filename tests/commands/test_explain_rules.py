"""``rootwatch explain`` with several rules: which take a record, and what each makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloudtrail_messages import ACCOUNT, MISSING, PRINCIPAL, RECORD, changed
from sightings import RULE

from streams.commands.replay.explain import explanation
from streams.pipeline import ExtractSettings
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from streams.rules.rule import Rule

TAGS = "requestParameters.tags"


def rule(rule_id: str, query: str, *terms: str) -> Rule:
    form = {"event_source": None, "event_name": None, "incomplete": "count"}
    return replace(RULE, id=rule_id, query=query, terms=terms, **form)


RULES = RuleSet(
    [
        RULE,
        rule("by-tag", "event.action: AssumeRoot", "cloud.account.id", TAGS),
        rule("of-failures", "event.outcome: failure", "errorCode"),
    ]
)


def explained(*records: Any) -> dict[str, Any]:
    return explanation("s", json.dumps(list(records)).encode(), RULES, ExtractSettings())


def counts(rule_id: str, taken: int, sightings: int, **others: Any) -> dict[str, Any]:
    none = {"missing_terms": {}, "no_time": 0, "cut": 0}
    return {"rule_id": rule_id, "taken": taken, "sightings": sightings, **none, **others}


def test_sightings_go_by_record_then_rule_then_combination() -> None:
    """Contract: each has its rule and terms; an account only if it is a term; incomplete ones stand in their place."""
    tagged = changed({TAGS: ["b", "a"]})
    nameless = changed({TAGS: ["c"], "userIdentity.arn": MISSING})
    result = explained(tagged, nameless)
    own = RECORD["userIdentity"]["accountId"]
    assert [
        (one["rule_id"], [term["value"] for term in one["terms"]], one["principal"], one["member_account"])
        for one in result["sightings"]
    ] == [
        (RULE.id, [PRINCIPAL, ACCOUNT], PRINCIPAL, ACCOUNT),
        ("by-tag", [own, "b"], PRINCIPAL, None),
        ("by-tag", [own, "a"], PRINCIPAL, None),
        (RULE.id, [None, ACCOUNT], None, ACCOUNT),
        ("by-tag", [own, "c"], None, None),
    ]
    assert [term["field"] for term in result["sightings"][1]["terms"]] == ["cloud.account.id", TAGS]
    assert (result["outcome"], result["reason"]) == ("mixed", "incomplete (element 1): no principal")
    assert result["rules"] == [
        counts(RULE.id, 2, 1, missing_terms={"rootwatch.principal": 1}),
        counts("by-tag", 2, 3),
    ]


def test_a_missing_term_is_no_match_and_its_reason_names_rule_and_field() -> None:
    """Contract: the outcome is no-match; ``rules`` counts what was taken, and ``filtered`` is of the whole set."""
    result = explained(changed({"errorMessage": "denied"}))
    assert (result["outcome"], result["sightings"], result["filtered"]) == ("no-match", [], False)
    assert result["rules"] == [
        counts("by-tag", 1, 0, missing_terms={TAGS: 1}),
        counts("of-failures", 1, 0, missing_terms={"errorCode": 1}),
    ]
    for named in ("by-tag", TAGS, "of-failures", "errorCode"):
        assert named in result["reason"]


def test_what_no_rule_takes_is_said_so() -> None:
    """P8: a record that no rule takes has no counts, and its reason names the event or the rules."""
    result = explained(changed({"eventName": "GetCallerIdentity"}))
    assert (result["outcome"], result["rules"]) == ("no-match", [])
    assert "of-failures does not take this record of eventName GetCallerIdentity" in result["reason"]


def test_what_was_cut_is_counted() -> None:
    """U4: a record of 150 tags gives 100 sightings, and 50 are counted."""
    result = explained(changed({TAGS: [f"t{number}" for number in range(150)]}))
    assert result["rules"][1] == counts("by-tag", 1, 100, cut=50)
    assert len(result["sightings"]) == 101
