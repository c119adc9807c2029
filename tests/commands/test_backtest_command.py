"""``rootwatch backtest`` over files: options, output, exit codes and the same bytes for the same input."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from replay_records import ALICE, Ran, lines, ordinary, record, run

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "333333333333"
BOB = "arn:aws:sts::111111111111:assumed-role/Admin/bob"


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", *arguments)


def _write(path: Path, *records: Any) -> Path:
    path.write_text(lines(*records))
    return path


def _role_session(name: str) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::111111111111:assumed-role/R/{name}",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111111111111:role/R"}},
    }


CASES: dict[str, tuple[list[dict[str, Any]], list[Any], list[tuple[str, str, str]]]] = {
    "M1: exactly the window is known, a second more is returned": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-11T00:00:00Z"), record("2026-01-21T00:00:01Z")],
        [],
        [("2026-01-01T00:00:00", "222222222222", "first"), ("2026-01-21T00:00:01", "222222222222", "returned")],
    ),
    "M1: --window": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-01T01:00:01Z")],
        ["--window", "1h"],
        [("2026-01-01T00:00:00", "222222222222", "first"), ("2026-01-01T01:00:01", "222222222222", "returned")],
    ),
    "M5: the same record twice alerts once": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-01T00:00:00Z")],
        [],
        [("2026-01-01T00:00:00", "222222222222", "first")],
    ),
    "M6: --learn-until is inclusive": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-01T00:00:01Z", account=OTHER)],
        ["--learn-until", "2026-01-01T00:00:00Z"],
        [("2026-01-01T00:00:01", OTHER, "first")],
    ),
    "M8: --forget-after makes a pair first again": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-13T00:00:01Z")],
        ["--forget-after", "12d"],
        [("2026-01-01T00:00:00", "222222222222", "first"), ("2026-01-13T00:00:01", "222222222222", "first")],
    ),
    "T3: --principal issuer makes sessions of a role one principal": (
        [
            record(f"2026-01-0{day}T00:00:00Z", userIdentity=_role_session(name))
            for day, name in ((1, "morning"), (2, "evening"))
        ],
        ["--principal", "issuer"],
        [("2026-01-01T00:00:00", "222222222222", "first")],
    ),
    "T4: --member-account resources reads only the resources": (
        [record("2026-01-01T00:00:00Z", resources=[{"accountId": OTHER}, {"accountId": "444444444444"}])],
        ["--member-account", "resources"],
        [("2026-01-01T00:00:00", OTHER, "first"), ("2026-01-01T00:00:00", "444444444444", "first")],
    ),
    "A3: --max-alerts, over a border of five minutes": (
        [record(f"2026-01-01T00:0{at}Z", account=f"{n:012d}") for n, at in enumerate(["4:58", "4:59", "5:00"])],
        ["--max-alerts", "1"],
        [
            ("2026-01-01T00:04:58", "000000000000", "first"),
            ("2026-01-01T00:04:59", "000000000001", "overflow"),
            ("2026-01-01T00:05:00", "000000000002", "first"),
        ],
    ),
    "P9: --from is inclusive and --to exclusive, of event time": (
        [record(f"2026-01-0{day}T00:00:00Z", account=f"{day:012d}") for day in (1, 2, 3)],
        ["--from", "2026-01-02", "--to", "2026-01-03T00:00:00Z"],
        [("2026-01-02T00:00:00", "000000000002", "first")],
    ),
    "P9: sightings outside --from and --to do not teach either": (
        [record("2026-01-01T00:00:00Z"), record("2026-01-02T00:00:00Z")],
        ["--from", "2026-01-02"],
        [("2026-01-02T00:00:00", "222222222222", "first")],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_options_have_their_meaning(
    case: tuple[list[dict[str, Any]], list[Any], list[tuple[str, str, str]]], backtest: Backtest, tmp_path: Path
) -> None:
    """Each option does what its statement says, in any order of the lines."""
    records, options, expected = case
    for order in (records, records[::-1]):
        ran = backtest(_write(tmp_path / "in.jsonl", *order), *options)
        assert (ran.code, ran.outlines()) == (0, expected)


def test_an_alert_has_every_field_and_no_live_ones(backtest: Backtest, tmp_path: Path) -> None:
    """P3: every field is there; origin, geo and detected_at are null; the record is an object, redacted (T7)."""
    ran = backtest(_write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z")))
    (alert,) = ran.alerts
    assert list(alert) == [
        *("alert_id", "rule", "reason", "terms", "mapping_version", "novelty", "principal", "member_account", "event"),
        *("geo", "origin", "detected_at", "record"),
    ]
    assert (alert["geo"], alert["origin"], alert["detected_at"]) == (None, None, None)
    assert alert["record"]["eventName"] == "AssumeRoot"
    assert b"secret-token" not in ran.out
    assert "secret-token" not in ran.err


def test_overflow_is_marked_only_where_it_applies(backtest: Backtest, tmp_path: Path) -> None:
    """A3: an alert above the cap is still printed, whole, with "overflow": true; other alerts have no such field."""
    records = [record("2026-01-01T00:00:00Z", account=f"{n:012d}") for n in range(3)]
    ran = backtest(_write(tmp_path / "in.jsonl", *records), "--max-alerts", 2)
    assert [alert.get("overflow", "absent") for alert in ran.alerts] == ["absent", "absent", True]


def test_exceptions_neither_alert_nor_teach(backtest: Backtest, tmp_path: Path) -> None:
    """M7: an exception from a file prevents the alerts that it matches; the summary counts them with its reason."""
    (tmp_path / "e.toml").write_text('[[exception]]\nprincipal = "*:user/al*"\nreason = "break glass"\n')
    path = _write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z"), record("2026-01-01T00:00:00Z", BOB))
    ran = backtest(path, "--exceptions", "e.toml")
    assert [alert["principal"]["arn"] for alert in ran.alerts] == [BOB]
    assert "exception 1: 1 (break glass)" in ran.err


def test_rule_file_replaces_the_rule(backtest: Backtest, tmp_path: Path) -> None:
    """A rule is data: --rule with another event name finds that event."""
    (tmp_path / "r.toml").write_text(
        'id = "mine"\nname = "Mine"\nversion = 3\nseverity = "high"\nrisk_score = 5\n'
        'event_source = "sts.amazonaws.com"\nevent_name = "AssumeQueen"\nwindow = "1d"\n'
    )
    path = _write(
        tmp_path / "in.jsonl",
        record("2026-01-01T00:00:00Z"),
        record("2026-01-01T00:00:00Z", account=OTHER, eventName="AssumeQueen"),
    )
    ran = backtest(path, "--rule", "r.toml")
    assert [(a["rule"]["id"], a["member_account"]["id"]) for a in ran.alerts] == [("mine", OTHER)]


def test_output_goes_to_the_file_and_stdout_stays_empty(backtest: Backtest, tmp_path: Path) -> None:
    """With --output the alerts are in the file; a second run over the folder does not read them."""
    _write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z"))
    for _ in range(2):
        ran = backtest(tmp_path, "--output", tmp_path / "out.jsonl")
        assert (ran.code, ran.out) == (0, b"")
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1
        assert "messages     1\n" in ran.err


def test_same_input_gives_the_same_bytes(backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M9: any order and split of the files, packed or not, and any number of processes give the same bytes."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)
    monkeypatch.setattr("streams.backtest.sources.files.TASK_FILES", 2)
    chance = random.Random(7)  # noqa: S311  no secret
    records = [
        record(f"2026-01-{day:02d}T00:00:0{second}Z", who, f"{account:012d}", eventID=f"{chance.randrange(40)}")
        for day in range(1, 29)
        for second, who, account in [(chance.randrange(3), chance.choice([ALICE, BOB]), chance.randrange(4))]
        for _ in range(2)
    ]
    outputs = set()
    for processes, split in [(1, 1), (1, 9), (2, 5), (3, 20)]:
        folder = tmp_path / f"{processes}-{split}"
        folder.mkdir()
        chance.shuffle(records)
        for number in range(split):
            part = records[number::split]
            if number % 3 == 0:
                (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(lines(*part).encode()))
            elif number % 3 == 1:
                (folder / f"{number}.json").write_text(json.dumps({"Records": part}))
            else:
                _write(folder / f"{number}.ndjson", *part)
        ran = backtest(folder, "--processes", processes)
        assert ran.code == 0
        outputs.add(ran.out)
    assert len(outputs) == 1
    assert outputs != {b""}


def test_malformed_messages_are_counted_and_shown(backtest: Backtest, tmp_path: Path) -> None:
    """P7: malformed messages are counted, the first ones are located, the others are read, and the exit code is 0."""
    path = _write(tmp_path / "in.jsonl", "not json", record("2026-01-01T00:00:00Z"), '{"foo": 1}', "", "[1, 2")
    ran = backtest(path)
    assert (ran.code, len(ran.alerts)) == (0, 1)
    assert "messages     4\n" in ran.err
    assert "malformed    3 (malformed 2, unknown-shape 1)\n" in ran.err
    assert f"{path}:1: malformed" in ran.err
    assert f"{path}:3: unknown-shape" in ran.err


def test_thorough_reading_names_what_is_wrong_without_a_mark(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: in a large archive a broken file without a mark is malformed with --thorough only."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)
    _write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z"))
    broken = tmp_path / "broken.json"
    broken.write_text('{"Records": [{"eventName": }]}')
    report = tmp_path / "report.html"
    quick = backtest(tmp_path, "--report", report)
    assert "1 of the messages hold no mark of the rule" in report.read_text()
    thorough = backtest(tmp_path, "--report", report, "--thorough")
    assert quick.out == thorough.out != b""
    assert "messages     2 (1 without any mark of the rule: only first and last bytes checked; --thorough" in quick.err
    assert "malformed    0\n" in quick.err
    assert "messages     2\n" in thorough.err
    assert "malformed    1\n" in thorough.err
    assert f"{broken}: malformed" in thorough.err
    assert "every message parsed" in report.read_text()


def test_incomplete_sightings_are_counted_and_shown(backtest: Backtest, tmp_path: Path) -> None:
    """T5: an incomplete sighting neither alerts nor teaches, and is named."""
    path = tmp_path / "in.json"
    path.write_text(json.dumps({"Records": [record("2026-01-01T00:00:00Z"), record("never")]}))
    ran = backtest(path)
    assert (ran.code, len(ran.alerts)) == (0, 1)
    assert "incomplete   1\n" in ran.err
    assert f"{path} element 1: incomplete" in ran.err


@pytest.mark.parametrize("damage", ["missing", "cut", "looping link"])
def test_what_cannot_be_read_is_named_and_the_rest_done(damage: str, backtest: Backtest, tmp_path: Path) -> None:
    """P7: a file that cannot be opened or decompressed is named, the others are read, exit 1."""
    good = _write(tmp_path / "good.jsonl", record("2026-01-01T00:00:00Z"))
    bad = tmp_path / "bad.json.gz"
    if damage == "cut":
        bad.write_bytes(gzip.compress(lines(record("2026-01-01T00:00:00Z")).encode())[:-20])
    elif damage == "looping link":
        bad.symlink_to(bad)
    ran = backtest(bad, good)
    assert (ran.code, len(ran.alerts)) == (1, 1)
    assert f"not read     {bad}: " in ran.err


def test_the_whole_members_of_a_damaged_file_are_read(backtest: Backtest, tmp_path: Path) -> None:
    """R7, P7: a gzip file with a damaged member gives the records of the others, is named, and the exit code is 1."""
    whole, cut = (gzip.compress(lines(record(f"2026-01-0{day}T00:00:00Z")).encode()) for day in (1, 2))
    path = tmp_path / "damaged.json.gz"
    path.write_bytes(whole + cut[:-20])
    ran = backtest(path)
    assert (ran.code, [alert["event"]["time"] for alert in ran.alerts]) == (1, ["2026-01-01T00:00:00.000Z"])
    assert f"not read     {path}: cut gzip: it ends before its end marker; its whole members were read" in ran.err
    assert f"{path} element 1: malformed" in ran.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], "--topic"),
        (["in.jsonl", "--topic", "t"], "--topic"),
        (["in.jsonl", "--clock", "record"], "--topic"),
        (["in.jsonl", "--window", "ten"], "--window"),
        (["in.jsonl", "--window", "20d", "--forget-after", "10d"], "--forget-after"),
        (["in.jsonl", "--from", "soon"], "--from"),
        (["in.jsonl", "--max-alerts", "-1"], "--max-alerts"),
        (["in.jsonl", "--principal", "name"], "--principal"),
        (["in.jsonl", "--exceptions", "gone.toml"], "--exceptions"),
        (["in.jsonl", "--rule", "gone.toml"], "--rule"),
        (["in.jsonl", "--output", "gone/out.jsonl"], "--output"),
        (["in.jsonl", "--no-such-option"], "--no-such-option"),
        (["in.jsonl", "--compare", ""], "--compare"),
        (["in.jsonl", "--output", "./in.jsonl"], "--output in.jsonl: it is also an input"),
        (["in.jsonl", "--report", "in.jsonl"], "--report in.jsonl: it is also an input"),
        (["in.jsonl", "--output", "both", "--report", "both"], "--report both: --output is written there"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_option(
    options: list[str], named: str, backtest: Backtest, tmp_path: Path
) -> None:
    """P7: wrong usage is exit 2 with the option's name, before anything is printed or overwritten."""
    path = _write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z"))
    ran = backtest(*options)
    assert (ran.code, ran.out) == (2, b"")
    assert path.stat().st_size > 0
    assert named in ran.err


def test_summary_says_what_was_found(backtest: Backtest, tmp_path: Path) -> None:
    """The summary counts sightings, alerts by severity and novelty, what was known, and the span of time."""
    path = _write(
        tmp_path / "in.jsonl",
        ordinary(1),
        record("2026-01-01T00:00:00Z"),
        record("2026-01-02T00:00:00Z"),
        record("2026-02-02T00:00:00Z"),
    )
    ran = backtest(path)
    for line in (
        "records      4",
        "sightings    3",
        "alerts       2 (low first 1, low returned 1)",
        "known        1",
        "span         2026-01-01T00:00:00.000Z to 2026-02-02T00:00:00.000Z",
        f"busiest      3 sightings by {ALICE}",
    ):
        assert f"{line}\n" in ran.err


def test_names_cannot_write_to_the_terminal(backtest: Backtest, tmp_path: Path) -> None:
    """An attacker may choose a principal's name: its control characters are shown, not sent to the terminal."""
    ran = backtest(_write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z", ALICE + "\x1b[2J\n\u202e")))
    assert "\x1b" not in ran.err
    assert "\\x1b[2J\\n\\u202e" in ran.err


@pytest.mark.parametrize("option", ["--output", "--report"])
def test_full_disk_is_named(option: str, backtest: Backtest, tmp_path: Path) -> None:
    """An output that cannot be written is named with the reason, exit 1."""
    ran = backtest(_write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z")), option, "/dev/full")
    assert ran.code == 1
    assert "/dev/full: cannot be written: No space left on device" in ran.err


def test_full_temporary_folder_is_named(backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sightings that do not fit in memory go to temporary files; if these fail, the folder is named, exit 1."""
    monkeypatch.setattr("streams.backtest.order.Sorter.__init__.__defaults__", (1,))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    ran = backtest(_write(tmp_path / "in.jsonl", record("2026-01-01T00:00:00Z")))
    assert ran.code == 1
    assert "TMPDIR" in ran.err
