"""``rootwatch rules test``: what the cases give, what it says of them, and its exit codes (U12)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloudtrail_messages import RECORD
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.commands.rules import rules
from streams.commands.rules.cases.case_file import Case
from streams.commands.rules.cases.case_run import run_case
from streams.rules.rule_file import parse
from streams.settings import SettingsError

RULE = """
id = "new-user"
name = "User created by a new principal"
version = 1
severity = "low"
risk_score = 1
query = 'event.action: CreateUser and event.outcome: success'
terms = ["cloud.account.id", "user.name"]
window = "10d"
learn = "5d"
"""
FIRST = {
    "name": "alice creates a user",
    "records": [
        {
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateUser",
            "eventID": "1",
            "eventTime": "2026-03-02T09:00:00Z",
            "sourceIPAddress": "203.0.113.7",
            "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111111111111"},
        }
    ],
    "alerts": [{"terms": ["111111111111", "alice"], "novelty": "first", "event_id": "1"}],
}
REFUSED = {
    "name": "refused",
    "records": [{"like": FIRST["name"], "change": {"errorCode": "AccessDenied"}}],
    "alerts": [],
}


def copy(name: str, *changes: dict[str, Any], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    records = [{"like": FIRST["name"], "change": change} for change in changes]
    return {"name": name, "records": records, "alerts": alerts}


def write(*cases: Any, rule: str = RULE, name: str = "new") -> None:
    Path(f"{name}.toml").write_text(rule)
    if cases:
        Path(f"{name}.cases.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases))


def run(*arguments: str) -> tuple[int, list[list[str]], str]:
    done = CliRunner().invoke(rules, ["test", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, [line.split("\t") for line in done.stdout.splitlines()], done.stderr.strip()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_cases_of_every_shipped_rule_are_as_they_must_be() -> None:
    """U12, U14: each rule that ships has firing and silent cases, and they give what they must."""
    code, rows, said = run("--strict", "shipped")
    assert code == 0, rows
    assert {state for state, _ in rows} == {"ok"}
    assert said.endswith("cases: all passed")


def test_cases_give_what_they_must() -> None:
    """U12: a case starts with nothing remembered, in order of event time, and the rule does not learn meanwhile."""
    later = {"eventTime": "2026-03-20T09:00:00Z", "eventID": "2"}
    terms = FIRST["alerts"][0]["terms"]  # type: ignore[index]  # the test's own data
    write(
        FIRST,
        REFUSED,
        copy("known", {}, {"eventTime": "2026-03-12T09:00:00Z", "eventID": "2"}, alerts=[{"terms": terms}]),
        copy("back, told in any order", later, {}, alerts=[{"terms": terms, "novelty": "returned"}, {"terms": terms}]),
        copy("no term", {"userIdentity": {"userName": None}}, alerts=[]),
    )
    assert run("new.toml", "--strict") == (
        0,
        [["ok", "new-user: 3 firing, 2 silent"]],
        "1 rule, 5 cases: all passed",
    )


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (
            copy("x", {"eventName": "DeleteUser"}, alerts=[{"terms": ["111111111111", "alice"]}]),
            "no alert of 111111111111 | alice; record 1: eventName is DeleteUser, not CreateUser",
        ),
        (
            copy("x", {"userIdentity": {"userName": None}}, alerts=[{"terms": ["111111111111", "alice"]}]),
            "no alert of 111111111111 | alice; record 1: rule new-user takes it, but without a sighting: no user.name",
        ),
        (copy("x", {}, alerts=[]), "an alert that must not be: 111111111111 | alice (first, event 1)"),
        (
            copy("x", {}, {"eventID": "2"}, alerts=[{"terms": ["111111111111", "alice"], "event_id": "2"}]),
            "no alert of 111111111111 | alice (event 2); record 2: known: 111111111111 | alice",
        ),
        ({"name": "x", "records": [{"message": "hello"}], "alerts": []}, "record 1 holds no CloudTrail record: "),
    ],
)
def test_a_case_that_gives_something_else_says_what_and_why(case: dict[str, Any], problem: str) -> None:
    """U12: what is missing and what is too much is named with file and case, and why a record gave nothing; exit 1."""
    write(FIRST, REFUSED, case)
    code, rows, said = run("new.toml")
    assert code == 1
    assert rows[0] == ["wrong", "new-user: 1 of 3 cases failed"]
    assert rows[1][1].startswith(f"new.cases.jsonl: x: {problem}")
    assert said == "1 rule, 3 cases: 1 failed"


@given(st.permutations(range(4)))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_records_changes_nothing(order: list[int]) -> None:
    """U12, M9: a case gives the same alerts in whatever order its records are written."""
    times = ["2026-03-02T09:00:00Z", "2026-03-08T09:00:00Z", "2026-03-30T09:00:00Z", "2026-03-30T09:00:00Z"]
    first = FIRST["records"][0]  # type: ignore[index]  # the test's own data
    records = [{**first, "eventTime": time, "eventID": str(number)} for number, time in enumerate(times)]
    case = Case(name="x", records=tuple(records[number] for number in order), alerts=())
    gave = run_case(parse(RULE, "new.toml"), case).alerts
    assert [(alert.event_id, alert.novelty) for alert in gave] == [("0", "first"), ("2", "returned")]


def test_networks_of_a_case_stand_in_for_a_database() -> None:
    """U12: a rule over autonomous systems has cases that need no database."""
    rule = RULE.replace("success'", "success and source.as.number: 64500'")
    known = {**FIRST, "networks": {"203.0.113.7": {"number": 64500}}}
    write(known, {**copy("elsewhere", {}, alerts=[]), "networks": {"203.0.113.7": {"number": 64501}}}, rule=rule)
    assert run("new.toml", "--strict")[0] == 0


@pytest.mark.parametrize(
    ("cases", "warning"),
    [
        ([], "new-user: no cases; write new.cases.jsonl"),
        ([FIRST], "new-user: no silent case in new.cases.jsonl"),
        (
            [{**FIRST, **REFUSED, "records": [{"eventName": "x", "eventSource": "y", "eventID": "z"}]}],
            "new-user: no firing case in new.cases.jsonl",
        ),
    ],
)
def test_a_rule_without_both_kinds_of_cases_is_a_warning(cases: list[Any], warning: str) -> None:
    """U12: it does not fail, so that rules can be imported first; ``--strict`` lets it fail, for CI."""
    write(*cases)
    code, rows, _ = run("new.toml")
    assert (code, rows[-1]) == (0, ["warning", warning])
    assert run("--strict", "new.toml")[0] == 1
    assert run("new.toml")[2].endswith("all passed" if cases else "0 cases: nothing was tested")


def test_json_has_an_object_per_case() -> None:
    """U12: ``--json`` gives expected and given alerts of each case, one object per line."""
    write(FIRST, copy("x", {}, alerts=[]))
    code, rows, _ = run("new.toml", "--json")
    documents = [json.loads(line) for (line,) in rows]
    given = {"event_id": "1", "terms": ["111111111111", "alice"], "novelty": "first"}
    about = {"rule_id": "new-user", "file": "new.cases.jsonl", "alerts": [given]}
    assert code == 1
    assert documents == [
        {**about, "case": FIRST["name"], "passed": True, "expected": FIRST["alerts"], "problems": []},
        {
            **about,
            "case": "x",
            "passed": False,
            "expected": [],
            "problems": ["an alert that must not be: 111111111111 | alice (first, event 1)"],
        },
    ]


def test_the_deployment_plays_no_part() -> None:
    """U12: cases give the same with settings that override rules, change the principal or name other rules."""
    Path("rootwatch.toml").write_text(
        'rules = ["new.toml"]\nprincipal = "issuer"\nlearn_until = "2030-01-01T00:00:00Z"\n'
        '[rule_settings."other"]\nwindow = "1d"\n'
    )
    write(FIRST, REFUSED)
    assert (
        run("--strict")
        == run("--strict", "new.toml")
        == (0, [["ok", "new-user: 1 firing, 1 silent"]], "1 rule, 2 cases: all passed")
    )


def test_what_cannot_be_read_is_named_before_any_case_runs() -> None:
    """U8, U12: all faults of all rules, and of all cases, are exit 2 with nothing on stdout."""
    write({"name": "x"}, rule=RULE)
    write({"name": "y"}, rule=RULE.replace("new-user", "other"), name="other")
    with pytest.raises(SettingsError) as refused:
        run("new.toml", "other.toml")
    assert str(refused.value).splitlines() == [
        "new.cases.jsonl:1: records: is missing",
        "new.cases.jsonl:1: alerts: is missing",
        "other.cases.jsonl:1: records: is missing",
        "other.cases.jsonl:1: alerts: is missing",
    ]
    write({"name": "x"}, rule=RULE.replace("query", "kuery"))
    with pytest.raises(SettingsError, match="did you mean query"):
        run("new.toml")


def test_the_record_of_the_tests_fires_the_shipped_rule() -> None:
    """U12: a record of any test is a case, as it is."""
    write({"name": "x", "records": [RECORD], "alerts": []}, rule=RULE.replace("CreateUser", "AssumeRoot"))
    code, rows, _ = run("new.toml")
    assert code == 1
    assert "an alert that must not be" in rows[1][1]
