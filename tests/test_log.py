from __future__ import annotations

import base64
import io
import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
import structlog

from streams import log
from streams.content.redaction.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def logged(log_format: str = "json") -> io.StringIO:
    stream = io.StringIO()
    log.configure(log_format, stream)
    return stream


def test_json_is_one_object_a_line() -> None:
    """Lines of rootwatch and of libraries are one JSON object per line, with level, logger and time in UTC."""
    stream = logged()
    structlog.get_logger("streams.worker").info("alert", alert_id="a1", severity="low")
    logging.getLogger("faust.app").warning("Lost %s partitions\nfor good", 3)
    own, library = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (own["event"], own["alert_id"], own["level"], own["logger"]) == ("alert", "a1", "info", "streams.worker")
    assert own["timestamp"].endswith("Z")
    assert (library["event"], library["logger"]) == ("Lost 3 partitions\nfor good", "faust.app")


def test_console_is_one_line() -> None:
    """At the console, an event is one line with its values, without colours if it is not a terminal."""
    stream = logged("console")
    structlog.get_logger("streams.worker").warning("broker.unreachable", attempt=2)
    assert stream.getvalue().count("\n") == 1
    assert "broker.unreachable" in stream.getvalue()
    assert "attempt=2" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_nothing_logged_steers_a_terminal() -> None:
    """Control characters in values, events and exceptions are escaped at the console: one event is one line."""
    stream = logged("console")
    structlog.get_logger("streams.worker").warning("alert", principal="arn:\x1b[2Jfake\x07", reason="a\nb \u202e")
    logging.getLogger("aiokafka.client").warning("two\nlines\x1b[31m")
    problem = ValueError("three\x1b[0m")
    try:
        raise problem
    except ValueError:
        structlog.get_logger("streams.worker").exception("worker.failed")
    alert, library, failed, *traceback = stream.getvalue().splitlines()
    assert "principal=arn:\\x1b[2Jfake\\x07" in alert
    assert "two\\nlines\\x1b[31m" in library
    assert "worker.failed" in failed
    assert traceback[-1] == "ValueError: three\\x1b[0m"
    assert "\x1b" not in stream.getvalue()


def test_a_service_is_heard_when_it_has_news() -> None:
    """The start, stop or crash of a mode service is not logged; its other warnings are."""
    stream = logged()
    services = logging.getLogger("streams.worker.consumer.transport")
    services.info("[^--Consumer]: Starting...")
    services.error("[^--Consumer]: Crashed reason=%r", ValueError())
    logging.getLogger("faust.worker").critical("[^Worker]: We experienced a crash! Reraising original exception...")
    services.error("[^Worker]: Error: %r", ValueError())
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "[^Worker]: Error: ValueError()"


def test_libraries_are_quiet() -> None:
    """Faust and aiokafka are logged from warnings on: their INFO is noise, their debug calls cost throughput."""
    stream = logged()
    for name in ("faust.worker", "mode.services", "aiokafka.consumer.fetcher"):
        logging.getLogger(name).info("noise")
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_variables_and_no_tokens(log_format: str) -> None:
    """A traceback shows no variables, and a session token in a message or an exception does not reach the log (T7)."""
    stream = logged(log_format)
    record = {"sessionToken": "FwoGZXIvYXdzEJr//////////wEaDH"}
    body = "a-record-body"
    problem = ValueError(f"cannot handle {body.upper()} {json.dumps(record)}")
    try:
        raise problem
    except ValueError:
        structlog.get_logger("streams.worker").exception("worker.failed")
        logging.getLogger("faust.streams").exception("crashed on %r", record)
    assert "FwoGZX" not in stream.getvalue()
    assert stream.getvalue().count("cannot handle") == 2
    assert "a-record-body" not in stream.getvalue()


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_TOKEN = "FwoGZXIvYXdzEJr//////////wEaDH" * 3


@pytest.mark.parametrize(
    "text",
    [
        f"sessionToken={_TOKEN}",
        json.dumps({"credentials": {"sessionToken": _TOKEN}}),
        json.dumps(json.dumps({"session_token": _TOKEN})),
        base64.b64encode(json.dumps({"sessionToken": _TOKEN}).encode()).decode(),
        f"x-amz: {{'SessionToken': '{_TOKEN}'}}",
    ],
)
def test_a_value_is_redacted_in_every_form(text: str) -> None:
    """A value of a line is redacted as ``redact_text`` redacts it, beside values that hold nothing (T7)."""
    stream = logged()
    structlog.get_logger("streams.worker").warning("alert", reason=text, principal="arn:aws:iam::111111111111:user/a")
    assert _TOKEN not in stream.getvalue()
    assert json.loads(stream.getvalue())["reason"] == redact_text(text) != text


_EVENTS = [
    {"principal": "arn:aws:iam::111111111111:user/alice", "terms": ("a b", "c\x1b"), "number": 3, "event": "alert"},
    {"reason": 'it\'s "quoted" \\ and = long', "empty": "", "none": None, "event": "alert.overflow"},
    {"reason": "two\nlines\x1b[2J \u202e \ud800", "other": "a\tb", "event": "alert"},
    {"reason": "\x7f", "event": "alert"},
    {"reason": f"sessionToken={_TOKEN}", "event": "alert"},
]


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("events", [[each] for each in _EVENTS] + [_EVENTS[:2], _EVENTS])
def test_lines_that_are_logged_together(log_format: str, events: list[dict[str, object]]) -> None:
    """They are the lines that structlog's logger writes one by one, but for the time."""
    alone = logged(log_format)
    for event in events:
        structlog.get_logger("streams.worker").warning(**event)
    together = logged(log_format)
    log.log_all("streams.worker", "warning", events)
    lines = [_TIME.sub("", stream.getvalue()) for stream in (alone, together)]
    assert lines[0] == lines[1]
    assert lines[0].count("\n") == len(events)
    assert _TOKEN not in lines[1]


def test_lines_that_are_logged_together_can_be_captured_and_silenced(request: pytest.FixtureRequest) -> None:
    """A test that captures lines has them, and ``logging.disable`` silences them."""
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    stream = logged()
    with structlog.testing.capture_logs() as captured:
        log.log_all("streams.worker", "warning", [{"severity": "low", "event": "alert"}])
    assert captured == [{"severity": "low", "event": "alert", "log_level": "warning"}]
    logging.disable(logging.WARNING)
    log.log_all("streams.worker", "warning", [{"event": "alert"}])
    log.log_all("streams.worker", "error", [])
    assert stream.getvalue() == ""


def test_a_disabled_level_is_quiet_for_rootwatch_too(request: pytest.FixtureRequest) -> None:
    """``logging.disable`` silences lines of rootwatch and of libraries up to that level, as the demo needs it."""
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    stream = logged()
    logging.disable(logging.WARNING)
    for logger in (structlog.get_logger("streams.worker"), logging.getLogger("faust.app")):
        for level in ("info", "warning", "error"):
            getattr(logger, level)(f"said.{level}")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["said.error"] * 2


def test_a_second_set_up_replaces_the_first() -> None:
    """Configuring twice does not log twice."""
    logged()
    stream = logged()
    structlog.get_logger("streams.worker").info("once")
    assert stream.getvalue().count("once") == 1


def test_a_library_that_repeats_itself_is_heard_once() -> None:
    """A library's repeated line within ten seconds is counted, not written; every line of rootwatch is written."""
    stream = logged()
    aiokafka = logging.getLogger("aiokafka.client")
    for number in range(3):
        aiokafka.error("Unable connect to node with id %s", number)
        structlog.get_logger("streams.worker").warning("broker.unreachable")
    later = aiokafka.makeRecord(aiokafka.name, logging.ERROR, "x", 1, "Unable connect to node with id %s", (7,), None)
    later.created += log.RepeatsOfLibraries.SECONDS
    aiokafka.handle(later)
    said = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert said == [
        "Unable connect to node with id 0",
        *["broker.unreachable"] * 3,
        "Unable connect to node with id 7 (and 2 times in the last seconds)",
    ]


def test_what_libraries_said_is_not_kept_for_good() -> None:
    """If a library's lines all differ, only the last ones are remembered, and every line is written."""
    repeats = log.RepeatsOfLibraries()
    for number in range(10 * repeats.KEPT):
        record = logging.makeLogRecord({"name": "aiokafka.conn", "msg": f"Closing connection at 10.0.0.1:{number}"})
        assert repeats.filter(record)
        assert not repeats.filter(record)
    assert len(repeats._lines) == repeats.KEPT  # noqa: SLF001  growth shows nowhere else
