"""The files of cases: what they may hold, and how a fault is named (U12)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.commands.rules.cases.case_file import merged, parse_cases
from streams.rules.rule_errors import RuleErrors

RECORD = {"eventName": "CreateUser", "userIdentity": {"type": "IAMUser", "userName": "alice"}}
CASE = {"name": "first", "records": [RECORD], "alerts": [{"terms": ["1", "alice"]}]}
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.sampled_from("abc"), values, max_size=3),
    max_leaves=8,
)


def lines(*documents: Any) -> str:
    return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents)


def test_a_copy_is_the_earlier_record_after_a_merge_patch() -> None:
    """U12: objects are merged, null removes, and all else replaces; the earlier case stays as it is."""
    change = {"eventName": "DeleteUser", "userIdentity": {"userName": None, "arn": "a"}, "errorCode": "AccessDenied"}
    copy = {"name": "copy", "records": [{"like": "first"}, {"like": "first", "change": change}], "alerts": []}
    first, second = parse_cases(lines(CASE, "", copy), "r.cases.jsonl", 2)
    assert first.records == (RECORD,)
    assert second.records == (
        RECORD,
        {"eventName": "DeleteUser", "userIdentity": {"type": "IAMUser", "arn": "a"}, "errorCode": "AccessDenied"},
    )


@given(JSON, JSON)
def test_a_merge_patch_twice_is_a_merge_patch_once(target: Any, patch: Any) -> None:
    """RFC 7396: a patch sets values and names none relative to what was there."""
    once = merged(target, patch)
    assert merged(once, patch) == once


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[" * 100_000, "not JSON: nested too deeply"),
        ("[]", "[]: a case is an object with name, records and alerts"),
        ({**CASE, "name": " "}, "name: ' ': must not be empty"),
        ({**CASE, "records": []}, "records: []: a case has at least one record"),
        ({**CASE, "name": "x", "records": [RECORD, 7]}, "records.1: 7: must be an object"),
        ({**CASE, "alert": []}, "alert: is no field of a case"),
        ({"name": "x", "records": [RECORD]}, "alerts: is missing"),
        ({**CASE, "name": "x", "alerts": [{"terms": ["1"]}]}, "alerts: ['1']: the rule has 2 terms"),
        ({**CASE, "alerts": [{"terms": ["1", "2"], "novelty": "new"}]}, "alerts.0.novelty: 'new': must be 'first' or"),
        ({**CASE, "records": [{"like": "x"}]}, "records.0.like: 'x': no earlier case has this name; those are 'first'"),
        ({**CASE, "records": [{"like": "first", "eventName": "x"}]}, "records.0.eventName: a copy has like and change"),
        ({**CASE, "records": [{"like": "first", "change": 1}]}, "records.0.change: 1: must be an object"),
        (CASE, "name: 'first': an earlier case has this name; each needs its own"),
        ({**CASE, "networks": {"203.0.113.7": {"number": -1}}}, "networks.203.0.113.7.number: -1: must be greater"),
    ],
)
def test_a_fault_names_file_line_and_field(line: Any, fault: str) -> None:
    """U12: what is wrong with a case is named as file, line, field and value, with what is allowed."""
    with pytest.raises(RuleErrors) as refused:
        parse_cases(lines(CASE, line), "r.cases.jsonl", 2)
    (told,) = refused.value.faults
    assert told.startswith(f"r.cases.jsonl:2: {fault}")


def test_all_faults_are_named() -> None:
    """U12: faults of several lines are named at once."""
    with pytest.raises(RuleErrors) as refused:
        parse_cases(lines("x", CASE, "y"), "r.cases.jsonl", 2)
    assert [fault.split(": ")[0] for fault in refused.value.faults] == ["r.cases.jsonl:1", "r.cases.jsonl:3"]
