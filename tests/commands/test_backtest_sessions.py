"""``rootwatch backtest --sessions``: what was done in root sessions, in the contract's bytes and order (S14)."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import replay_records
from replay_records import Ran, ordinary, run
from root_sessions import (
    ADDRESS,
    DAY,
    GRANTED_AT,
    KEY,
    MEMBER,
    MINUTE,
    OTHER_MEMBER,
    SECOND,
    Followed,
    granted,
    identity,
    record,
)

from streams.backtest.order import Sorter
from streams.extraction.event_time import format_time
from streams.extraction.record import Record
from streams.sessions.action import Action
from streams.sessions.candidate import candidate
from streams.wire.sessions.published import to_json_line

if TYPE_CHECKING:
    from pathlib import Path

ALERT = "2024-10-25T20:52:11.000Z"


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", *arguments)


def grant_record(time: int = GRANTED_AT, key: str = KEY, account: str = MEMBER, **fields: Any) -> dict[str, Any]:
    """The AssumeRoot call that issues a key."""
    credentials = {
        "accessKeyId": key,
        "sessionToken": "secret-token",
        "expiration": format_time(time + 15 * MINUTE),
    }
    return replay_records.record(
        format_time(time),
        account=account,
        responseElements={"credentials": credentials},
        sourceIPAddress=ADDRESS,
        **{"eventID": f"grant-{time}-{key}", **fields},
    )


def call(name: str, event_id: str, time: int = GRANTED_AT + MINUTE, **fields: Any) -> dict[str, Any]:
    """The record of a root action."""
    return record(time, eventName=name, eventID=event_id, **fields)


def written(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def told(path: Path) -> list[tuple[str, str, str]]:
    """Of each line its kind, the event's or grant's id, and the reason."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [
        ("activity", line["activity"]["event"]["id"], line["activity"]["reason"])
        if "activity" in line
        else ("summary", line["summary"]["grant"]["event_id"], line["summary"]["reason"])
        for line in lines
    ]


def test_activity_comes_first_and_then_a_summary_of_every_session(backtest: Backtest, tmp_path: Path) -> None:
    """S14: activity by time, event id and session; then the sessions by time of the grant, also one without actions."""
    who = identity(accessKeyId="ASIAOTHER", sessionContext=None)
    source = written(
        tmp_path / "in.jsonl",
        call("ListBuckets", "b", GRANTED_AT + 2 * MINUTE),
        call("PutBucketPolicy", "c"),
        call("DeleteBucketPolicy", "a"),
        call("ListBuckets", "x", userIdentity=who),
        ordinary(1),
        grant_record(GRANTED_AT + SECOND, "ASIAUNUSED", OTHER_MEMBER),
        grant_record(),
    )
    ran = backtest(source, "--sessions", "out.jsonl")
    assert (ran.code, len(ran.alerts)) == (0, 2)
    policy = "(S3UnlockBucketPolicy)"
    own = "from the caller's own address"
    assert told(tmp_path / "out.jsonl") == [
        ("activity", "a", f"deleted the bucket policy of amzn-s3-demo-bucket1 {policy}, {own}"),
        ("activity", "c", f"replaced the bucket policy of amzn-s3-demo-bucket1 {policy}, {own}"),
        ("activity", "b", f"listed the buckets {policy}, {own}"),
        (
            "summary",
            f"grant-{GRANTED_AT}-{KEY}",
            f"replaced the bucket policy of amzn-s3-demo-bucket1 and made 2 other calls {policy}, {own}",
        ),
        ("summary", f"grant-{GRANTED_AT + SECOND}-ASIAUNUSED", f"nothing was recorded {policy}"),
    ]


def test_the_lines_are_those_of_the_contract(backtest: Backtest, tmp_path: Path) -> None:
    """S14, S7, S8: a line is what the live codec makes of the same activity and summary, at revision 0."""
    source = written(tmp_path / "in.jsonl", grant_record(), call("DeleteBucketPolicy", "a"))
    ran = backtest(source, "--sessions", "out.jsonl")
    followed = Followed()
    fields = call("DeleteBucketPolicy", "a")
    found = candidate(Record(fields, fields, "record"))
    assert isinstance(found, Action)
    grant = {"event_id": f"grant-{GRANTED_AT}-{KEY}", "principal": replay_records.ALICE}
    followed.take_all([granted(alert_id=ran.alerts[0]["alert_id"], **grant), found])
    [summary] = followed.close()
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    closed = json.loads(to_json_line(summary))
    closed["summary"]["closed_at"] = None
    assert lines == [json.loads(to_json_line(followed.activities[0])), closed]
    assert lines[0]["activity"]["detected_at"] is None
    assert (lines[1]["summary"]["revision"], lines[1]["summary"]["alert_id"]) == (0, ran.alerts[0]["alert_id"])


@pytest.mark.parametrize("small", [0, 1 << 30], ids=["by the filter", "thoroughly"])
def test_the_rest_is_as_without_the_option(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """S14: stdout, stderr, exit code, alerts and report are those of a replay without the option."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", small)
    broken = '{"userIdentity": {"type": "Root", "accessKeyId": }}'
    for name, text in {"broken.json": broken, "cut.json": broken[:-1], "lines.jsonl": f"{broken}\n5\n"}.items():
        (tmp_path / name).write_text(text)
    written(tmp_path / "in.jsonl", grant_record(), call("DeleteBucketPolicy", "a"), "{ no record", ordinary(1))
    outputs = []
    for followed in ([], ["--sessions", "out"]):
        sources = sorted(tmp_path.glob("*.json*"))
        ran = backtest(*sources, "--output", "alerts", "--report", "report", *followed)
        outputs.append((ran, *((tmp_path / name).read_bytes() for name in ("alerts", "report"))))
    assert outputs[0] == outputs[1]
    assert len((tmp_path / "out").read_bytes().splitlines()) == 2


def test_the_file_is_replaced_also_where_there_is_no_session(backtest: Backtest, tmp_path: Path) -> None:
    """S14: the file is written empty if nothing was followed."""
    (tmp_path / "out.jsonl").write_text("something")
    source = written(tmp_path / "in.jsonl", ordinary(1), call("ListBuckets", "a"))
    assert backtest(source, "--sessions", "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_an_input_is_not_overwritten(backtest: Backtest, tmp_path: Path) -> None:
    """The file of sessions may be neither an input nor another output."""
    source = written(tmp_path / "in.jsonl", grant_record())
    assert backtest(source, "--sessions", source).code == 2
    assert backtest(source, "--sessions", "o", "--output", "o").code == 2
    assert backtest(source, "--sessions", "missing/folder/o").code == 2
    assert source.read_text()


def many_records() -> list[dict[str, Any]]:
    """Sessions of several accounts and keys, with actions near and far, refused, repeated and in copies."""
    records: list[dict[str, Any]] = []
    for number in range(20):
        account, key = f"{number:012d}", f"ASIAKEY{number}"
        start = GRANTED_AT + number * MINUTE
        records.append(grant_record(start, key, account))
        for place in range(number % 4):
            who = identity(accessKeyId=key, accountId=account, sessionContext=None)
            for copy in "xy"[: 1 + place % 2]:
                shared = {"sharedEventID": f"shared-{number}-{place}"} if place % 2 else {}
                at = start + place * 2 * MINUTE
                records.append(call("ListBuckets", f"{number}-{place}-{copy}", at, userIdentity=who, **shared))
        records.append(ordinary(number))
    return records


def test_any_order_of_files_gives_the_same_bytes(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M9, S14: any order and split of files, packed or not, any number of processes, and runs on disk."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)
    records = many_records()
    expected = None
    for processes, split, run_bytes in [(1, 1, 1 << 26), (1, 9, 1), (2, 5, 1 << 26), (3, 20, 1)]:
        monkeypatch.setattr(Sorter.__init__, "__defaults__", (run_bytes,))
        random.Random(split).shuffle(records)  # noqa: S311  no secret
        folder = tmp_path / f"{processes}-{split}"
        folder.mkdir()
        for part in range(split):
            data = json.dumps({"Records": records[part::split]}).encode()
            path = folder / f"{part}.json.gz" if part % 2 else folder / f"{part}.json"
            path.write_bytes(gzip.compress(data) if part % 2 else data)
        assert backtest(folder, "--processes", processes, "--sessions", "out.jsonl").code == 0
        sessions = (tmp_path / "out.jsonl").read_bytes()
        expected = expected or sessions
        assert sessions == expected
    kinds = [kind for kind, *_ in told(tmp_path / "out.jsonl")]
    assert (kinds.count("activity"), kinds.count("summary")) == (30, 20)
    assert all(not event_id.endswith("-y") for kind, event_id, _ in told(tmp_path / "out.jsonl") if kind == "activity")


@pytest.mark.parametrize(
    ("span", "ids"),
    [
        (["--from", format_time(GRANTED_AT)], ["early", "late"]),
        (["--from", format_time(GRANTED_AT + 1)], []),
        (["--to", format_time(GRANTED_AT + 2 * MINUTE)], ["early"]),
        (["--to", format_time(GRANTED_AT + 2 * MINUTE + SECOND)], ["early", "late"]),
        (["--to", format_time(GRANTED_AT)], []),
    ],
)
def test_the_span_bounds_grants_and_actions_alike(
    backtest: Backtest, tmp_path: Path, span: list[str], ids: list[str]
) -> None:
    """S14: an action outside of the span is not told, and neither is a session whose grant is."""
    source = written(
        tmp_path / "in.jsonl",
        grant_record(),
        call("ListBuckets", "early"),
        call("ListBuckets", "late", GRANTED_AT + 2 * MINUTE),
    )
    backtest(source, "--sessions", "out.jsonl", *span)
    lines = told(tmp_path / "out.jsonl")
    assert [event_id for kind, event_id, _ in lines if kind == "activity"] == ids
    assert len(lines) == len(ids) + bool(ids)


def test_every_grant_counts_whatever_was_decided(backtest: Backtest, tmp_path: Path) -> None:
    """S14, S3: alerted, overflow, known, learned and excepted sessions are followed; the first two have an alert."""
    (tmp_path / "exceptions.toml").write_text('[[exception]]\nprincipal = "*/excepted"\nreason = "x"\n')
    excepted = {"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/excepted"}}
    source = written(
        tmp_path / "in.jsonl",
        grant_record(GRANTED_AT - DAY, "ASIALEARNED"),
        grant_record(GRANTED_AT, "ASIAKNOWN"),
        grant_record(GRANTED_AT + 1_000, "ASIAALERT", "300000000000"),
        grant_record(GRANTED_AT + 2_000, "ASIAOVERFLOW", "400000000000"),
        grant_record(GRANTED_AT + 3_000, "ASIAEXCEPTED", "500000000000", **excepted),
    )
    options = ["--learn-until", "2024-10-25", "--max-alerts", "1", "--exceptions", "exceptions.toml"]
    ran = backtest(source, "--sessions", "out.jsonl", *options)
    assert [overflow for *_, overflow in ran.outlines()] == ["first", "overflow"]
    summaries = [json.loads(line)["summary"] for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    ids = [None, None, *(alert["alert_id"] for alert in ran.alerts), None]
    assert [summary["alert_id"] for summary in summaries] == ids


def test_a_grant_that_comes_twice_is_one_session(backtest: Backtest, tmp_path: Path) -> None:
    """M5, S14: the second copy of a grant is known, and its session keeps the alert of the first."""
    source = written(tmp_path / "in.jsonl", grant_record(), grant_record(), call("ListBuckets", "a"))
    ran = backtest(source, "--sessions", "out.jsonl")
    [activity, summary] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert activity["activity"]["alert_id"] == summary["summary"]["alert_id"] == ran.alerts[0]["alert_id"]


def test_a_grant_without_a_temporary_key_is_no_session(backtest: Backtest, tmp_path: Path) -> None:
    """S4: without an issued key there is nothing to follow, and no failure."""
    source = written(
        tmp_path / "in.jsonl",
        grant_record(key="AKIAEXAMPLE"),
        grant_record(GRANTED_AT + SECOND) | {"responseElements": None},
    )
    assert backtest(source, "--sessions", "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_late_action_is_in_the_one_summary(backtest: Backtest, tmp_path: Path) -> None:
    """S14: a replay knows no arrival; an action a day after the end still belongs to the session."""
    late = GRANTED_AT + 15 * MINUTE + DAY
    who = identity(sessionContext=None)
    source = written(
        tmp_path / "in.jsonl",
        grant_record(),
        call("ListBuckets", "late", late, userIdentity=who),
        call("ListBuckets", "too-late", late + SECOND, userIdentity=who),
    )
    backtest(source, "--sessions", "out.jsonl")
    lines = told(tmp_path / "out.jsonl")
    assert [event_id for _, event_id, _ in lines] == ["late", f"grant-{GRANTED_AT}-{KEY}"]
    [summary] = [json.loads(line)["summary"] for line in (tmp_path / "out.jsonl").read_bytes().splitlines()[1:]]
    assert (summary["severity"], ALERT) == ("high", summary["grant"]["time"])
