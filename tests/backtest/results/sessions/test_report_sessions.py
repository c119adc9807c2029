"""Root sessions in the report: under their alerts, drawn in bounds, and safe against the values of records (S13)."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import replay_records
from hypothesis import given
from hypothesis import strategies as st
from root_sessions import DAY, GRANTED_AT, KEY, MEMBER, MINUTE, RULES, SECOND, action, granted, identity, record

from streams.backtest.following import ReplayedSession
from streams.backtest.results.sessions import shown
from streams.backtest.results.sessions.shown import ShownSession, ShownSessions
from streams.extraction.event_time import format_time
from streams.rules.root_sessions import LEVELS
from streams.sessions.joining.session import Session
from streams.sessions.meaning.activity import add_action
from streams.sessions.meaning.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<script>alert(1)</script>\"'&\u202e\x1b"


class Elements(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        del attrs
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


class Reported(Protocol):
    """Runs a backtest on records and returns the page."""

    def __call__(self, *records: Any, options: tuple[str, ...] = ()) -> str:
        """Run it."""


@pytest.fixture
def reported(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reported:
    monkeypatch.chdir(tmp_path)

    def backtest(*records: Any, options: tuple[str, ...] = ()) -> str:
        (tmp_path / "in.jsonl").write_text(replay_records.lines(*records))
        arguments = ("backtest", "in.jsonl", "--report", "r.html", *options)
        assert replay_records.run(capsysbinary, monkeypatch, *arguments).code == 0
        return (tmp_path / "r.html").read_text()

    return backtest


def grant_record(number: int = 0, key: str = KEY, account: str = MEMBER) -> dict[str, Any]:
    credentials = {"accessKeyId": key, "sessionToken": "secret-token"}
    time = format_time(GRANTED_AT + number * SECOND)
    return replay_records.record(time, account=account, responseElements={"credentials": credentials})


def replayed(*times: int, names: tuple[str, ...] = ("ListBuckets",), number: int = 0) -> ReplayedSession:
    """A session with an action of each name at each of these times."""
    session = Session.opened(granted(alert_id=None, event_id=f"grant-{number}"), GRANTED_AT)
    activities = []
    for time in sorted(times):
        for name in names:
            activity, _ = add_action(session, action(name, time, id=f"{name}-{time}"), RULES)
            activities.append(activity)
    return ReplayedSession(summarise(session, RULES), activities)


def test_a_session_is_under_its_alert(reported: Reported) -> None:
    """S13: the report tells of each alert what was then done, or that nothing was recorded, without --sessions."""
    page = reported(
        grant_record(),
        record(eventName="DeleteBucketPolicy", eventID="a"),
        record(eventName="CreateUser", eventSource="iam.amazonaws.com", eventID="b", errorCode="AccessDenied"),
        grant_record(1, "ASIAUNUSED", "333333333333"),
    )
    first, second = page.split('<article class="alert">')[1:]
    assert "session: medium" in first
    assert "deleted the bucket policy of amzn-s3-demo-bucket1" in first
    assert "was denied iam CreateUser" in first
    assert first.count("<path") == 1  # both at the same time
    assert "nothing was recorded (S3UnlockBucketPolicy)" in second
    text = " ".join(Elements(page).text.split())
    assert "0 high, 1 medium, 1 low. In 1 nothing was recorded, which does not mean that nothing was done." in text


def test_an_alert_without_a_session_says_so(reported: Reported) -> None:
    """S4: a grant that names no temporary key opens no session."""
    page = reported(grant_record() | {"responseElements": None})
    assert "names no key that was issued" in page
    assert "session: " not in page


def test_a_session_without_an_alert_is_shown_if_it_did_more_than_read(reported: Reported) -> None:
    """S13: what known and learned pairs did is of interest too, unless they only read."""
    keys = {name: f"ASIA{name.upper()}" for name in ("ListBuckets", "PutBucketPolicy")}
    grants = [grant_record(number, key) for number, key in enumerate(keys.values())]
    calls = [record(eventName=name, userIdentity=identity(accessKeyId=key)) for name, key in keys.items()]
    page = reported(*grants, *calls, options=("--learn-until", "2025-01-01"))
    others = page.split('id="sessions"')[1]
    assert (others.count("<article"), others.count("session: high")) == (1, 1)
    assert "replaced the bucket policy" in others


def test_values_of_actions_are_text_and_nothing_else(reported: Reported) -> None:
    """Every value of an action, of its grant and of its words is escaped, and control characters are visible."""
    harmless = record(eventName="PutThing", errorCode="x", requestParameters={"bucketName": "b"})
    evil = record(
        eventName=EVIL,
        eventSource=EVIL,
        errorCode=EVIL,
        eventID=EVIL,
        sourceIPAddress=EVIL,
        userAgent=EVIL,
        requestParameters={"bucketName": EVIL},
        resources=[{"ARN": EVIL, "type": EVIL}],
    )
    grant = grant_record()
    named = json.loads(json.dumps(grant))
    named["requestParameters"]["taskPolicyArn"]["arn"] = f"policy/{EVIL.replace('/', '')}"
    plain, attacked = Elements(reported(grant, harmless)), Elements(reported(named, evil))
    assert attacked.names == plain.names
    assert "<script>alert(1)" in attacked.text
    assert not {"\u202e", "\x1b"} & set(attacked.text)


@given(st.lists(st.integers(GRANTED_AT - 5 * SECOND, GRANTED_AT + 2 * DAY), max_size=400))
def test_the_line_of_time_is_bounded_and_within_itself(times: list[int]) -> None:
    """However many actions there are and whenever, marks lie on the line, and few are drawn."""
    drawn = ShownSession.of(replayed(*times))
    places = [drawn.granted_at, drawn.expires_at, *(mark.at for mark in drawn.marks)]
    assert all(0 <= place <= 100 for place in places)
    assert drawn.granted_at < drawn.expires_at
    assert bool(drawn.marks) == bool(times)
    assert len(drawn.marks) <= 201
    assert len(drawn.actions) == min(len(times), shown.ACTIONS_SHOWN)


def test_the_most_severe_actions_are_shown() -> None:
    """Of many actions the most severe are shown, in order of time; a mark has the highest severity at its position."""
    reads = [GRANTED_AT + number * SECOND for number in range(100)]
    session = replayed(*reads, names=("ListBuckets",))
    late = replayed(GRANTED_AT + 50 * SECOND, names=("PutBucketPolicy",))
    mixed = ReplayedSession(session.summary, [*session.activities[:51], *late.activities, *session.activities[51:]])
    drawn = ShownSession.of(mixed)
    assert [one.severity for one in drawn.actions].count("high") == 1
    assert [one.event.time for one in drawn.actions] == sorted(one.event.time for one in drawn.actions)
    assert sum(mark.severity == "high" for mark in drawn.marks) == 1


def test_other_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million sessions without an alert only the first of the most severe are kept, and all are counted."""
    monkeypatch.setattr(shown, "OTHERS_SHOWN", 3)
    names = ("ListBuckets", "DeleteBucketPolicy", "PutBucketPolicy")
    collected = ShownSessions()
    for number in range(30):
        session = Session.opened(granted(GRANTED_AT + number * MINUTE, alert_id=None), GRANTED_AT)
        done = action(names[number % 3], GRANTED_AT + number * MINUTE)
        activity, tally = add_action(session, done, RULES)
        whole = Session(session.rule_id, session.grant, None, GRANTED_AT, tally)
        collected.add(ReplayedSession(summarise(whole, RULES), [activity]), is_of_shown_alert=False)
        assert len(collected._others) <= 6  # noqa: SLF001  what is bounded shows nowhere else
    assert [one.summary.grant.time for one in collected.others()] == [GRANTED_AT + n * MINUTE for n in (2, 5, 8)]
    assert (collected.other_count, collected.empty) == (20, 0)
    assert [collected.counts[level] for level in LEVELS] == [10, 10, 10]
