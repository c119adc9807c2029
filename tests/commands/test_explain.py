from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import root_sessions
from cloudtrail_messages import (
    ACCOUNT,
    ISSUER,
    MISSING,
    OTHER,
    PRINCIPAL,
    RECORD,
    SHAPES,
    TASK_POLICY,
    TOKEN,
    awslogs,
    changed,
)
from ocsf_events import ocsf
from sightings import RULES
from typer.testing import CliRunner

from streams.commands.main import app
from streams.commands.replay.explain import explanation
from streams.pipeline import ExtractSettings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

VALUE = json.dumps(RECORD).encode()
INCOMPLETE = changed({"userIdentity.arn": MISSING})


def of_pair(principal: str | None, account: str | None) -> dict[str, Any]:
    """What is said of a sighting of the shipped rule."""
    return {
        "rule_id": RULES.rules[0].rule.id,
        "terms": [
            {"field": "rootwatch.principal", "value": principal},
            {"field": "rootwatch.member_account", "value": account},
        ],
        "principal": principal,
        "member_account": account,
        "event_id": RECORD["eventID"],
        "event_time": "2026-01-01T12:00:00.000Z",
        "task_policy": TASK_POLICY,
        "issued_access_key_id": "ASIAISSUED",
    }


SIGHTING = of_pair(PRINCIPAL, ACCOUNT)
KEY = root_sessions.KEY
PARTIAL = of_pair(None, ACCOUNT)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


CASES: dict[str, tuple[bytes, str, str | None, bool, list[dict[str, Any]]]] = {
    "a match": (VALUE, "match", None, False, [SIGHTING]),
    "another event": (json.dumps(OTHER).encode(), "no-match", "eventName is AssumeRole, not AssumeRoot", True, []),
    # A worker reads it, because it follows sessions (S1).
    "an action of root": (
        json.dumps(root_sessions.record()).encode(),
        "no-match",
        "eventName is DeleteBucketPolicy, not AssumeRoot",
        False,
        [],
    ),
    "a refused call": (
        json.dumps(changed({"errorCode": "AccessDenied"})).encode(),
        "no-match",
        "refused: errorCode is AccessDenied",
        False,
        [],
    ),
    "nothing": (b"", "no-match", "an empty value", True, []),
    "a file without records": (b'{"Records": []}', "no-match", "holds no records", True, []),
    "two other events": (
        json.dumps([OTHER, OTHER, changed({"errorCode": "X"})]).encode(),
        "no-match",
        "2 x eventName is AssumeRole, not AssumeRoot; 1 x refused: errorCode is X",
        False,
        [],
    ),
    "an incomplete one": (json.dumps(INCOMPLETE).encode(), "incomplete", "incomplete: no principal", False, [PARTIAL]),
    "an unknown shape": (b"{}", "malformed", "unknown-shape: JSON of no known shape", True, []),
    "no JSON": (b"AssumeRoot", "malformed", "malformed: not JSON at character 0: Expecting value", False, []),
    "too large": (b" " * 70_000_000, "malformed", "too-large: larger than 67108864 bytes, decompressed", True, []),
    "a good and an incomplete one": (
        json.dumps({"Records": [INCOMPLETE, RECORD]}).encode(),
        "mixed",
        "incomplete (element 0): no principal",
        False,
        [PARTIAL, SIGHTING],
    ),
    "good ones around bad and incomplete ones": (
        json.dumps([RECORD, INCOMPLETE, 5, RECORD, RECORD, INCOMPLETE]).encode(),
        "mixed",
        (
            "incomplete (element 1): no principal; "
            "unknown-shape (element 2): an element of the array is not an object; "
            "incomplete (element 5): no principal"
        ),
        False,
        [SIGHTING, PARTIAL, SIGHTING, SIGHTING, PARTIAL],
    ),
    "a good and a bad one": (
        json.dumps([RECORD, 5]).encode(),
        "mixed",
        "unknown-shape (element 1): an element of the array is not an object",
        False,
        [SIGHTING],
    ),
    "an incomplete and bad ones": (
        json.dumps([INCOMPLETE, 5, 5, 5, 5]).encode(),
        "incomplete",
        (
            "incomplete (element 0): no principal; "
            "unknown-shape (element 1): an element of the array is not an object; "
            "unknown-shape (element 2): an element of the array is not an object; and 2 more"
        ),
        False,
        [PARTIAL],
    ),
    "a good and another one": (json.dumps([RECORD, OTHER]).encode(), "match", None, False, [SIGHTING]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_outcome_of_a_message_and_why(name: str) -> None:
    """P8, R3 to R6, T5: outcome, reason, whether the worker drops it at fetch, and the sightings."""
    value, outcome, reason, filtered, sightings = CASES[name]
    explained = explanation("s", value, RULES, ExtractSettings())
    good = sum(None not in (sighting["principal"], sighting["member_account"]) for sighting in sightings)
    missing = {"rootwatch.principal": len(sightings) - good} if good < len(sightings) else {}
    rules = [
        {
            "rule_id": RULES.rules[0].rule.id,
            "taken": len(sightings),
            "sightings": good,
            "missing_terms": missing,
            "no_time": 0,
            "cut": 0,
        }
    ]
    assert explained == {
        "source": "s",
        "outcome": outcome,
        "reason": reason,
        "filtered": filtered,
        "sightings": sightings,
        "rules": rules if sightings else [],
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_any_shape_is_one_message(shape: str, tmp_path: Path) -> None:
    """P8, R1: each file is one message, gzip or not, and one JSON line says what it holds."""
    plain, packed = tmp_path / "message.json", tmp_path / "message.gz"
    plain.write_text(SHAPES[shape](RECORD, json.dumps))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    result = run(str(plain), str(packed))
    assert result.exit_code == 0
    assert [(line["source"], line["outcome"], line["sightings"]) for line in lines(result)] == [
        (str(plain), "match", [SIGHTING]),
        (str(packed), "match", [SIGHTING]),
    ]


@pytest.mark.parametrize("name", ["m.jsonl", "m.ndjson", "m.jsonl.gz", "m.ndjson.gz", "m.JSONL"])
def test_a_file_of_lines_is_a_message_a_line(name: str, tmp_path: Path) -> None:
    """P8: .jsonl and .ndjson hold one message per line, gzip or not; blank lines only count as lines."""
    content = b"\n".join([VALUE, b"", json.dumps(OTHER).encode() + b"\r", b"{", b'{"Records": []}'])
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert [(line["source"], line["outcome"]) for line in lines(run(str(path)))] == [
        (f"{path}:1", "match"),
        (f"{path}:3", "no-match"),
        (f"{path}:4", "malformed"),
        (f"{path}:5", "no-match"),
    ]


def test_a_hyphen_is_standard_input() -> None:
    """P8: - reads one message, of any bytes, from standard input."""
    assert [(line["source"], line["outcome"]) for line in lines(run("-", stdin=gzip.compress(VALUE)))] == [
        ("-", "match")
    ]
    assert [line["outcome"] for line in lines(run("-", stdin=b"\xff"))] == ["malformed"]


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    """P8: exit 1 if a file cannot be read; the other files are still explained."""
    good, cut = tmp_path / "good.json", tmp_path / "cut.jsonl.gz"
    good.write_bytes(VALUE)
    cut.write_bytes(gzip.compress(VALUE + b"\n" + VALUE * 100, mtime=0)[:-20])
    result = run(str(tmp_path / "missing"), str(tmp_path), str(cut), str(good))
    assert result.exit_code == 1
    assert lines(result)[-1]["source"] == str(good)
    assert [line.split(": cannot be read: ")[0] for line in result.stderr.splitlines()] == [
        f"rootwatch: {path}" for path in (tmp_path / "missing", tmp_path, cut)
    ]


def test_what_a_restored_record_lacks_is_said_on_stderr(tmp_path: Path) -> None:
    """R10: an OCSF event is explained as its record is, and stderr says what OCSF lost of it."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(ocsf(RECORD)))
    ran = run(str(path))
    assert [answer["sightings"] for answer in map(json.loads, ran.stdout.splitlines())] == [[SIGHTING]]
    assert f"rootwatch: {path}: a record was restored from OCSF 1.1.0: nulls, " in ran.stderr
    path.write_text(json.dumps(ocsf(RECORD) | {"raw_data": json.dumps(RECORD)}))
    assert "restored" not in run(str(path)).stderr


def test_parquet_is_named_for_what_it_is(tmp_path: Path) -> None:
    """A Parquet file is no message; the answer says which commands read it."""
    path = tmp_path / "lake.gz.parquet"
    path.write_bytes(b"PAR1")
    ran = run(str(path))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert f"rootwatch: {path}: cannot be read: it is Parquet: backtest and warm-up read its rows" in ran.stderr


def test_bad_messages_are_an_answer_and_no_failure(tmp_path: Path) -> None:
    """P8: exit 0 for any messages, as long as they could be read."""
    path = tmp_path / "bad.gz"
    path.write_bytes(gzip.compress(VALUE)[:-9])
    result = run(str(path))
    assert (result.exit_code, [line["outcome"] for line in lines(result)]) == (0, ["malformed"])


def test_options_change_what_is_taken(tmp_path: Path) -> None:
    """T3, T4, R3: principal, member account and maximum size are the settings of the worker."""
    path = tmp_path / "m.json"
    path.write_bytes(VALUE)
    [line] = lines(run("--principal", "issuer", "--member-account", "resources", str(path)))
    assert line["sightings"] == [of_pair(ISSUER, "333333333333")]
    [line] = lines(run("--max-message-size", "1KiB", str(path)))
    assert (line["outcome"], line["reason"]) == ("malformed", "too-large: larger than 1024 bytes, decompressed")


def test_another_rule_takes_other_events(tmp_path: Path) -> None:
    """P8: --rule explains by another rule, and by what that rule's worker drops."""
    rule = tmp_path / "rule.toml"
    rule.write_text(
        'id = "r"\nname = "n"\nversion = 1\nseverity = "low"\nrisk_score = 1\nwindow = "1d"\n'
        'event_source = "sts.amazonaws.com"\nevent_name = "AssumeRole"\n'
    )
    path = tmp_path / "m.json"
    path.write_bytes(json.dumps(OTHER).encode())
    assert [(line["outcome"], line["filtered"]) for line in lines(run("--rule", str(rule), str(path)))] == [
        ("match", False)
    ]


def test_a_file_too_large_for_one_message_is_told_how_to_be_read_by_line(tmp_path: Path) -> None:
    """R3: a file of lines under another name is one message; if that is too large, stderr says what name to give it."""
    path = tmp_path / "export.gz"
    path.write_bytes(gzip.compress((VALUE + b"\n") * 3))
    result = run("--max-message-size", "1KiB", str(path))
    assert (result.exit_code, [line["outcome"] for line in lines(result)]) == (0, ["malformed"])
    assert result.stderr == (
        f"rootwatch: {path}: read as one message; name it .jsonl or .jsonl.gz if each line is a message\n"
    )


@pytest.mark.parametrize(
    "arguments", [[], ["--principal", "name", "x"], ["--rule", "missing.toml", "x"], ["--nope", "x"]]
)
def test_wrong_usage_is_told_apart(arguments: list[str]) -> None:
    """P7: a wrong option or setting is an error, not an answer."""
    result = run(*arguments)
    assert result.stdout == ""
    assert result.exit_code != 0


@pytest.mark.parametrize("shape", SHAPES)
def test_no_token_is_printed(shape: str, tmp_path: Path) -> None:
    """T7: neither the token of the response, nor one in a field that is shown."""
    secret = f"sessionToken={TOKEN}"
    path = tmp_path / "m.json"
    for record in (
        RECORD,
        changed({"eventID": secret, "requestParameters.taskPolicyArn.arn": secret, "eventTime": None}),
        changed({"eventName": secret}),
        changed({"errorCode": secret}),
    ):
        path.write_text(SHAPES[shape](record, json.dumps))
        result = run(str(path))
        assert TOKEN not in result.output
        path.write_text(SHAPES[shape](record, json.dumps)[:-30])
        assert TOKEN not in run(str(path)).output


def test_it_does_not_wait_for_kafka_clients(tmp_path: Path) -> None:
    """P8: explain of files needs no Kafka client, so it imports none."""
    path = tmp_path / "m.json"
    path.write_bytes(json.dumps(awslogs(RECORD, json.dumps)).encode())
    program = (
        "import sys, streams.commands.replay.explain as e; from pathlib import Path; from streams.settings import load;"
        "s = load(); value = Path(sys.argv[1]).read_bytes();"
        "print(e.explanation('s', value, s.load_rules(), s.extract_settings())['outcome']);"
        "e.explain([sys.argv[1]]);"
        "print([name for name in ('faust', 'aiokafka', 'confluent_kafka', 'rocksdict') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)  # noqa: S603
    explained, _, imported = done.stdout.splitlines()
    assert (explained, imported) == ("match", "[]")


def test_what_a_worker_makes_of_calls_of_root(tmp_path: Path) -> None:
    """S2: stderr says which key's session a call of root may be of, or why it is of none; other records are no news."""
    old = root_sessions.record(root_sessions.GRANTED_AT + root_sessions.DAY)
    for name, records in {"young": [root_sessions.record()] * 2, "old": [old], "other": [OTHER]}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"Records": records}))
    young, old_file, other = (str(tmp_path / f"{name}.json") for name in ("young", "old", "other"))
    done = run(young, old_file, other)
    assert [line["outcome"] for line in lines(done)] == ["no-match"] * 3
    assert done.stderr.splitlines() == [
        f"rootwatch: {young}: 2 calls of root that may be of a root session; see: rootwatch session {KEY}",
        f"rootwatch: {old_file}: a call of root that cannot be of a root session: too-old",
    ]
