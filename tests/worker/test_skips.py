"""``--skip``: the records that it names, and their dead letters."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from streams.pipeline import ExtractSettings
from streams.settings import Settings
from streams.worker.agents import redact_subprocess
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS, SkipError, parse_skips

SETTINGS = Settings(source_topics=("cloudtrail", "cloudtrail.eu-1"))
SECRET = b"FwoGZXIvYXdzTOKEN"


def test_the_option_may_be_repeated_and_may_hold_several() -> None:
    """Each value is one record, or several separated by commas; a record that is named twice counts once."""
    skips = parse_skips(["cloudtrail:0:7, cloudtrail:0:9", "cloudtrail.eu-1:12:0", "cloudtrail:0:7"], SETTINGS)
    places = [("cloudtrail", 0, 7), ("cloudtrail", 0, 9), ("cloudtrail.eu-1", 12, 0)]
    assert list(skips.records()) == places
    assert all(skips.has(*place) for place in places)
    assert not skips.has("cloudtrail", 1, 7)
    assert set(skips.of("cloudtrail", 0)) == {7, 9}
    assert parse_skips(["rootwatch.sightings:3:1"], SETTINGS)
    assert not NO_SKIPS


@pytest.mark.parametrize(
    "text", ["", "cloudtrail", "cloudtrail:0", "cloudtrail:0:x", "cloudtrail:-1:2", "0:7", "a:0:1,"]
)
def test_what_is_not_a_record_is_refused(text: str) -> None:
    """A value that is not a record is wrong usage, and the message shows the form."""
    with pytest.raises(SkipError, match="write TOPIC:PARTITION:OFFSET, such as cloudtrail:0:1234") as refused:
        parse_skips([text], Settings(source_topics=("cloudtrail", "a")))
    assert refused.value.exit_code == 2


def test_a_topic_that_no_worker_reads_is_refused() -> None:
    """Only source topics and the sightings topic are allowed, and the message names them."""
    with pytest.raises(
        SkipError, match=r"does not read topic rootwatch\.alerts; it reads cloudtrail, cloudtrail\.eu-1"
    ):
        parse_skips(["rootwatch.alerts:0:1"], SETTINGS)


def letter_of(value: bytes | None) -> Any:
    metrics = Metrics()
    message = Message("cloudtrail", 2, 7, 0, b"key", value, 0.0)
    letter = asyncio.run(DeadLetters("dead", 1_000_000, ExtractSettings(), metrics).skipped(message))
    assert metrics.registry.get_sample_value("rootwatch_dead_letters_total", {"reason": "skipped"}) == 1
    return letter.key, letter.value, dict(letter.headers)


def test_a_skipped_record_keeps_its_bytes_but_no_token() -> None:
    """T7: the dead letter has the record's value, key and position, without session tokens."""
    key, value, headers = letter_of(b'{"poison": 1, "sessionToken": "' + SECRET + b'"}')
    assert (key, headers["reason"], headers["redacted"]) == (b"key", b"skipped", b"true")
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"cloudtrail", b"2", b"7")
    assert value == b'{"poison":1,"sessionToken":"REDACTED"}'
    assert letter_of(b"\xff\x00 anything")[1] == b"\xff\x00 anything"
    assert letter_of(b"")[1] == b""
    assert letter_of(None)[1] is None


@pytest.mark.parametrize("attribute", ["SECONDS", "python"])
def test_a_value_that_cannot_be_redacted_is_left_out(monkeypatch: pytest.MonkeyPatch, attribute: str) -> None:
    """T7: if removing tokens takes too long or fails, no byte of the value leaves the worker."""
    if attribute == "SECONDS":
        monkeypatch.setattr(redact_subprocess, "SECONDS", 0.0)
    else:
        monkeypatch.setattr(sys, "executable", "/bin/false")
    _, value, headers = letter_of(SECRET)
    assert value is None
    assert headers["error"].decode().endswith("its value is left out: taking session tokens out of it failed")
