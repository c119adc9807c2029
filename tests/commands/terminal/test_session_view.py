"""A session is told whole, and no value of it can control a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from root_sessions import ADDRESS, GRANTED_AT, KEY, MEMBER, MINUTE, UNLOCK, Followed, action, granted

from streams.commands.terminal import session_view
from streams.commands.terminal.alert_sessions import AlertSessions
from streams.commands.terminal.alert_table import session_cells, session_table, table
from streams.extraction.sighting import Resource
from streams.wire.sessions.datum import datum
from streams.wire.sessions.told import Told

if TYPE_CHECKING:
    from streams.wire.sessions.told import ToldSession

SAMPLE = json.loads((Path(__file__).parents[2] / "wire" / "samples" / "alert.json").read_text(encoding="utf-8"))
ALERT = SAMPLE | {"alert_id": "alert-1"}


def followed(*actions: Any) -> Followed:
    """A session with these actions, summed up."""
    made = Followed()
    made.take_all([granted(), *actions])
    made.close()
    return made


def told(*actions: Any, alert: Any = ALERT) -> ToldSession:
    """The same as it is read from its topics."""
    made, collected = followed(*actions), Told()
    if alert is not None:
        collected.add_alert(alert)
    for activity in made.activities:
        collected.add_activity(datum(activity))
    for summary in made.summaries:
        collected.add_summary(datum(summary))
    (session,) = collected.sessions()
    return session


def summary(*actions: Any, **changes: Any) -> dict[str, Any]:
    """The summary of such a session."""
    return datum(replace(followed(*actions).summaries[0], **changes))


def shown(*parts: Any, columns: int = 80) -> str:
    """The text of tables without the blanks of their layout."""
    console = Console(width=columns, color_system=None)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "".join(captured.get().split())


LATER = action("ListBuckets", GRANTED_AT + 2 * MINUTE, read_only=True)
EARLIER = action("DeleteBucketPolicy", GRANTED_AT + MINUTE, error_code="AccessDenied")


def test_json_lines_tell_the_whole_session() -> None:
    """S13: --json has the alert, the grant, each action in order of time and the summary, one object per line."""
    lines = [json.loads(line) for line in session_view.json_lines(told(LATER, EARLIER))]
    assert [next(iter(line)) for line in lines] == ["alert", "grant", "activity", "activity", "summary"]
    assert lines[0]["alert"]["alert_id"] == "alert-1"
    assert (lines[1]["grant"]["issued_access_key_id"], lines[1]["grant"]["time"]) == (KEY, "2024-10-25T20:52:11.000Z")
    assert [line["activity"]["event"]["name"] for line in lines[2:4]] == ["DeleteBucketPolicy", "ListBuckets"]
    assert lines[4]["summary"]["severity"] == "medium"


def test_an_alert_above_the_cap_is_marked() -> None:
    """P3: an alert of the overflow topic has "overflow": true."""
    collected = Told()
    collected.add_alert(SAMPLE, is_overflow=True)
    (session,) = collected.sessions()
    alert, grant = (json.loads(line) for line in session_view.json_lines(session))
    assert alert["alert"]["overflow"] is True
    assert grant["grant"]["issued_access_key_id"] == SAMPLE["event"]["issued_access_key_id"]


def test_lines_have_kind_time_severity_and_words() -> None:
    """In a pipe each part is one line of four values."""
    lines = list(session_view.lines(told(LATER, EARLIER)))
    assert [(line[0], line[2]) for line in lines] == [
        ("alert", "low"),
        ("grant", ""),
        ("activity", "medium"),
        ("activity", "low"),
        ("summary", "medium"),
    ]
    assert all(text in lines[1][3] for text in (MEMBER, KEY, UNLOCK, ADDRESS))
    assert lines[2][3].startswith("s3 DeleteBucketPolicy, denied: ")
    assert lines[4][3].startswith("revision 0: ")


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_cut_nothing_off(columns: int) -> None:
    """S13: the tables show key, policy, actions with their time after the grant, calls, resources and the sentence."""
    session = told(
        replace(LATER, event=replace(LATER.event, resources=(Resource("arn:aws:s3:::" + "b" * 63),))), EARLIER
    )
    text = shown(*session_view.tables(session), columns=columns)
    for expected in (
        KEY,
        UNLOCK,
        "+60s",
        "+120s",
        "s3DeleteBucketPolicy,denied",
        "arn:aws:s3:::" + "b" * 63,
        "revision0:",
    ):
        assert expected in text
    assert "1xs3.amazonaws.comListBuckets,success" in text


def test_an_empty_session_says_what_that_means() -> None:
    """S8: that nothing was recorded does not mean that nothing was done."""
    session = told()
    assert any("does not mean that nothing was done" in note for note in session_view.notes(session))
    assert "noactionisrecorded" in shown(*session_view.tables(session))


def test_a_session_that_is_not_over() -> None:
    """A session without a summary says when one comes; an alert without a key says that there is no session."""
    collected = Told()
    collected.add_alert(SAMPLE)
    (session,) = collected.sessions()
    assert any("no summary yet" in note for note in session_view.notes(session))
    collected = Told()
    collected.add_alert(SAMPLE | {"event": SAMPLE["event"] | {"issued_access_key_id": None}})
    (session,) = collected.sessions()
    assert [part[0] for part in session_view.lines(session)] == ["alert"]
    assert any("no key" in note for note in session_view.notes(session))


def test_an_attacker_cannot_steer_the_terminal() -> None:
    """Control characters and Rich's markup in the values of a session are shown as text."""
    evil = action("Do\x1b[2J", error_message="x")
    session = told(replace(evil, event=replace(evil.event, resources=(Resource("[red]\x1b[2J"),))))
    text = shown(*session_view.tables(session))
    assert "\x1b" not in text
    assert "[red]\\x1b[2J" in text
    assert not any("\x1b" in part for line in session_view.lines(session) for part in line)


def test_a_session_is_shown_under_its_alert() -> None:
    """S13: the table of alerts shows severity and sentence of a session in the row of its alert."""
    last = summary(LATER, EARLIER)
    other = ALERT | {"alert_id": "alert-2"}
    text = shown(table([ALERT, other], {"alert-1": last}))
    assert text.count("session,medium:") == 1
    assert text.index("session,medium:") < text.rindex("".join(SAMPLE["principal"]["arn"].split()))


def test_a_session_that_comes_later_names_its_alerts_terms() -> None:
    """S13: a session that comes after its alert has a row, or a line, with time, account and principal of the grant."""
    last = summary(LATER, EARLIER, reason="did\n\x1b[2J [red]this")
    text = shown(session_table(last), columns=200)
    for expected in (
        "2024-10-25",
        "medium",
        MEMBER,
        last["grant"]["principal"],
        "session,medium:did\\n\\x1b[2J[red]this",
    ):
        assert expected in text
    assert session_cells(last) == (
        "2024-10-25T20:52:11.000Z",
        "medium",
        last["grant"]["principal"],
        MEMBER,
        "session: did\\n\\x1b[2J [red]this",
    )


def test_the_last_revision_counts() -> None:
    """S10: of an alert's summaries the highest revision is kept, and shown again only if it is news."""
    sessions = AlertSessions()
    assert not sessions.add(summary())
    assert sessions.show("alert-1") == summary()
    assert not sessions.add(summary())
    assert sessions.add(summary(LATER, revision=1))
    assert not sessions.add(summary())
    assert sessions.summaries == {"alert-1": summary(LATER, revision=1)}


def test_sessions_without_an_alert_are_not_kept() -> None:
    """A session of a known pair belongs to no alert."""
    sessions = AlertSessions()
    assert not sessions.add(summary(alert_id=None))
    assert sessions.summaries == {}
