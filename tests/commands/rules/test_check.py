"""``rootwatch rules check``: what a rule reads, takes and costs, and why it may never fire (U12)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.commands.operate.doctor import silent_rules
from streams.commands.rules import check, rules
from streams.commands.rules.seen import Seen
from streams.pipeline import ExtractSettings
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet
from streams.settings import SettingsError

RULE = """
id = "new-user"
name = "User created by a new principal"
version = 1
severity = "low"
risk_score = 1
query = 'event.provider: "iam.amazonaws.com" and event.action: (CreateUser or CreateRole) and not errorCode: *'
terms = ["cloud.account.id", "user.name"]
window = "10d"
"""
OBJECTS = RULE.replace("iam.", "s3.").replace("(CreateUser or CreateRole)", "GetObject").replace("new-user", "objects")
USER = {"type": "IAMUser", "userName": "alice", "accountId": "111111111111"}


def record(action: str = "CreateUser", **changes: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventID": "1",
        "eventTime": "2026-03-02T09:00:00Z",
        "userIdentity": USER,
        "managementEvent": True,
        "eventCategory": "Management",
        **changes,
    }


def run(*arguments: str, stdin: str | None = None) -> tuple[int, list[list[str]], str]:
    done = CliRunner().invoke(rules, ["check", *arguments], input=stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, [line.split("\t") for line in done.stdout.splitlines()], done.stderr.strip()


def told(rows: list[list[str]], *names: str) -> list[str]:
    return [text for _, name, text in rows if name in names]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.toml").write_text(RULE)


def test_a_rule_is_explained() -> None:
    """U12: fields, services, events, needles, terms, memory and cap, as rows of rule, name and words."""
    code, rows, said = run("new.toml")
    assert (code, said) == (0, "1 rule: all load")
    assert dict(row[1:] for row in rows) == {
        "name": "User created by a new principal (version 1, low 1)",
        "file": "new.toml",
        "query": 'event.provider: "iam.amazonaws.com" and event.action: ("CreateUser" or "CreateRole") and not '
        "aws.cloudtrail.error_code: *",
        "reads": "event.provider, event.action, aws.cloudtrail.error_code",
        "services": "iam.amazonaws.com",
        "events": "CreateRole, CreateUser",
        "needles": "the events' names",
        "terms": "cloud.account.id, user.name",
        "memory": "known for 10d; at most 1,000,000 tuples a partition",
        "cap": "100 alerts per cloud.account.id in 5m",
    }
    assert {row[0] for row in rows} == {"new-user"}


def test_json_has_the_same_for_programs() -> None:
    """U12: ``--json`` gives an object per rule, with lists and numbers in place of sentences."""
    Path("s.jsonl").write_text(f"{json.dumps(record())}\n" + f"{json.dumps(record('ListUsers'))}\n" * 99)
    code, rows, _ = run("new.toml", "--json", "--sample", "s.jsonl")
    ((line,),) = rows
    document = json.loads(line)
    assert code == 0
    assert document["needles"] == document["actions"] == ["CreateRole", "CreateUser"]
    assert document["sample"] == {"messages": 100, "read": 1, "records": 100, "taken": 1}
    assert (document["warnings"], document["notes"]) == ([], ["never occurred in the sample: CreateRole"])


@pytest.mark.parametrize(
    ("changed", "to", "kind", "words"),
    [
        (
            'event.provider: "iam.amazonaws.com" and event.action: (CreateUser or CreateRole)',
            "event.outcome: success",
            "warning",
            "reads every message",
        ),
        ("and not errorCode", "and source.as.number: 1 and not errorCode", "warning", "names source.as.*"),
        ('"user.name"', '"userIdentity.arn"', "note", "rootwatch.issuer_or_arn does not"),
        ('"user.name"', '"event.id"', "note", "everything is new"),
    ],
)
def test_what_its_author_should_know(changed: str, to: str, kind: str, words: str) -> None:
    """U10, U12: what costs much or is always new is said, and ``--strict`` makes a warning exit 1."""
    Path("new.toml").write_text(RULE.replace(changed, to))
    code, rows, _ = run("new.toml")
    assert code == 0
    (text,) = told(rows, kind)
    assert words in text
    assert run("--strict", "new.toml")[0] == (1 if kind == "warning" else 0)


def test_shares_of_a_sample() -> None:
    """U12: files, folders and stdin are a sample; the share of records and messages is measured; much is a warning."""
    Path("past").mkdir()
    Path("past/a.json").write_text(json.dumps({"Records": [record(), record("ListUsers")]}))
    Path("past/b.jsonl").write_text(f"{json.dumps(record('ListUsers'))}\n\n{json.dumps(record('CreateRole'))}\n")
    code, rows, said = run("new.toml", "--sample", "past")
    assert code == 0
    assert told(rows, "sample") == [
        "2 of 4 records taken (50.00%); 2 of 3 messages read for it (66.67%)",
    ]
    assert told(rows, "warning") == ["takes 50.0% of the records: new-terms rules are for what is rare"]
    assert said == "1 rule: all load; 1 with warnings"
    assert told(run("new.toml", "--sample", "-", stdin=json.dumps(record()))[1], "sample") == [
        "1 of 1 records taken (100.00%); 1 of 1 messages read for it (100.00%)"
    ]


@pytest.mark.parametrize("sample", ["gone.json", "empty.json"])
def test_a_sample_without_records_is_exit_1(sample: str) -> None:
    """U12: a sample that cannot be read, or holds nothing of CloudTrail, is a problem that is named."""
    Path("empty.json").write_text("{}")
    code, _, said = run("new.toml", "--sample", sample)
    assert code == 1
    assert "cannot be read" in said or "holds no CloudTrail record" in said


def test_a_wrong_rule_is_exit_2() -> None:
    """U8: every fault of every file is named, and nothing is explained."""
    Path("new.toml").write_text(RULE.replace("event.action", "event.acton").replace("user.name", "user.nam"))
    with pytest.raises(SettingsError) as refused:
        run("new.toml")
    assert refused.value.exit_code == 2
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["query:1:41", "terms"]


def test_a_screen_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: no line for people is wider than the terminal, and none of the words is lost."""
    monkeypatch.setenv("COLUMNS", "80")
    Path("long.toml").write_text(
        RULE.replace("CreateUser", " or ".join(f"CreateThing{number}" for number in range(40)))
    )
    (found,) = check.rule_files(["long.toml"])
    (compiled,) = RuleSet([found.rule]).rules
    shown = check._shown(check._checked(found, compiled, None, is_blind=False))  # noqa: SLF001  what a terminal gets
    assert max(map(len, shown.splitlines())) <= 80
    assert all(f"CreateThing{number}" in shown for number in range(40))


def seen(*records: dict[str, Any], rule: str = RULE) -> list[tuple[str, str]]:
    rule_set = RuleSet([parse(rule, "r.toml")])
    sample = Seen(rule_set, ExtractSettings())
    for each in records:
        sample.add(json.dumps(each).encode())
    return [(row.state, row.sentence.split("; ")[0]) for row in silent_rules(rule_set, sample)]


@pytest.mark.parametrize(
    ("rule", "records", "rows"),
    [
        (RULE, [], []),
        (RULE, [record()], []),
        (
            RULE,
            [record("ListUsers")],
            [("unknown", "rule: new-user: CreateRole, CreateUser never occurred in 1 records")],
        ),
        (
            RULE,
            [record(errorCode="AccessDenied")],
            [("unknown", "rule: new-user: its query took none of the 1 records of its events")],
        ),
        (
            RULE,
            [record(userIdentity={"accountId": "111111111111"})] * 2,
            [("warning", "rule: new-user: takes 2 records, and 2 of them have no user.name")],
        ),
        (
            OBJECTS,
            [record()],
            [
                (
                    "warning",
                    "rule: objects: GetObject: the trail must record data events",
                )
            ],
        ),
        (
            OBJECTS,
            [record("PutObject", eventSource="s3.amazonaws.com", eventCategory="Data", managementEvent=False)],
            [("unknown", "rule: objects: GetObject never occurred in 1 records")],
        ),
    ],
)
def test_doctor_says_which_rules_cannot_fire(
    rule: str, records: list[dict[str, Any]], rows: list[tuple[str, str]]
) -> None:
    """U12: events that never occurred, missing data events and terms that no record has; rare events are no warning."""
    assert seen(*records, rule=rule) == rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.sampled_from(["accountId", "a"]), values),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*record(), "errorCode"]), JSON), st.binary(max_size=20))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_a_sample_is_too_strange(changes: dict[str, Any], noise: bytes) -> None:
    """U12, R3: any record and any bytes can be sampled; a rule that made a sighting is never called silent."""
    rule_set = RuleSet([parse(RULE, "r.toml")])
    sample = Seen(rule_set, ExtractSettings())
    for value in (json.dumps(record(**changes)).encode(), noise, None):
        sample.add(value)
    silent = list(sample.why_silent(rule_set.rules[0]))
    assert sample.messages == 3
    assert not (sample.sightings["new-user"] and silent)
    assert bool(sample.sightings["new-user"] or silent) == bool(sample.records)


def test_doctor_names_the_field_that_its_records_do_not_have() -> None:
    """U12: if the query asks for a field that no record of its events has, the field is named."""
    rule_set = RuleSet([parse(RULE.replace("not errorCode: *", "requestParameters.path: a"), "r.toml")])
    sample = Seen(rule_set, ExtractSettings())
    sample.add(json.dumps(record()).encode())
    (row,) = silent_rules(rule_set, sample)
    assert "none of them has aws.cloudtrail.flattened.request_parameters.path" in row.sentence
