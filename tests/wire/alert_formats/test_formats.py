"""Any alert and any session summary has its document in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_examples import ALERT, SUMMARY
from strategies import DATED, alerts, session_summaries

from streams.wire.alert import to_json_line
from streams.wire.alert_formats.formats import FORMATS, to_bytes
from streams.wire.alert_formats.lines import alert_line, summary_line
from streams.wire.alert_formats.recorded_call import Call, recorded_call
from streams.wire.sessions.published import SUMMARY as SUMMARY_CODEC

# The ids by which readers drop repeats, and the word that says that an alert is overflow.
ID: dict[Any, Any] = {
    "native": lambda found: found["alert_id"],
    "ecs": lambda found: found["event"]["id"],
    "ocsf": lambda found: found["finding_info"]["uid"],
}
OVERFLOW: dict[Any, Any] = {
    "native": lambda found: found.get("overflow", False),
    "ecs": lambda found: found["rootwatch"]["overflow"],
    "ocsf": lambda found: not found["is_alert"],
}


@given(alert=alerts(), overflow=st.booleans())
def test_native_is_the_line_of_the_command(alert: dict[str, Any], *, overflow: bool) -> None:
    """The native form is what ``rootwatch alerts --json`` prints, however the record is written."""
    value = to_bytes(FORMATS["native"].alert(alert, overflow=overflow))
    assert json.loads(value) == json.loads(to_json_line(alert, overflow=overflow))
    assert b"\n" not in value


def test_a_long_number_of_a_record_stays_whole() -> None:
    """Numbers of a record of more than 64 bits keep their digits in the native form."""
    alert = ALERT | {"record": '{"n":123456789012345678901234567890}'}
    assert b'{"n":123456789012345678901234567890}' in to_bytes(FORMATS["native"].alert(alert, overflow=False))


@given(alert=alerts(DATED), overflow=st.booleans())
def test_every_alert_maps(alert: dict[str, Any], *, overflow: bool) -> None:
    """Every alert is a document under the alert's own id (A1), and says whether it is overflow (A3)."""
    for name, form in FORMATS.items():
        found = json.loads(to_bytes(form.alert(alert, overflow=overflow)))
        assert (ID[name](found), OVERFLOW[name](found)) == (alert["alert_id"], overflow)


@given(summary=session_summaries())
def test_every_summary_maps(summary: dict[str, Any]) -> None:
    """Every session summary is a document; the native one is the line of ``rootwatch alerts --json --sessions``."""
    native = SUMMARY_CODEC.to_json(summary)
    for name, place in {"native": "summary", "ecs": "rootwatch", "ocsf": "unmapped"}.items():
        found = json.loads(to_bytes(FORMATS[name].summary(summary)))[place]
        assert (found["rootwatch"] if name == "ocsf" else found) == native


@pytest.mark.parametrize("name", FORMATS)
def test_lines_are_the_same_documents_in_ascii(name: Any) -> None:
    """``rootwatch alerts --format`` prints what the topic has, with nothing in it that a terminal obeys."""
    odd = ALERT | {"reason": "a\x1b[2J\u202eb\n\x9b1m", "record": '{"eventName": "AssumeRoot"}'}
    line = alert_line(name, odd)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == json.loads(to_bytes(FORMATS[name].alert(odd, overflow=False)))
    assert json.loads(summary_line(name, SUMMARY)) == json.loads(to_bytes(FORMATS[name].summary(SUMMARY)))


_DOCUMENT = {"event": {"action": "AssumeRoot", "provider": "sts.amazonaws.com"}}


@pytest.mark.parametrize(
    ("record", "call"),
    [
        ({"eventName": "AssumeRoot", "eventSource": "sts.amazonaws.com"}, Call("AssumeRoot", "sts.amazonaws.com")),
        ({"eventName": "AssumeRoot"}, Call("AssumeRoot", None)),
        (_DOCUMENT, Call("AssumeRoot", "sts.amazonaws.com")),
        ({"event.action": ["AssumeRoot"], "event.provider": "sts.amazonaws.com"}, Call(*_DOCUMENT["event"].values())),
        ({"_source": _DOCUMENT}, Call("AssumeRoot", "sts.amazonaws.com")),
        ({"requestParameters": {"eventName": "AssumeRoot"}}, Call(None, None)),
        ({"eventName": ["AssumeRoot"], "event": "x", "_source": 1}, Call(None, None)),
        ([1], Call(None, None)),
    ],
)
def test_the_recorded_call(record: Any, call: Call) -> None:
    """The call is read from a raw record, a document of Elastic, or an Elasticsearch hit (R1), no deeper."""
    assert recorded_call(json.dumps(record)) == call


def test_a_record_that_is_no_json_has_no_call() -> None:
    """An alert with such a record is still a document."""
    assert recorded_call("{cut") == Call(None, None)
