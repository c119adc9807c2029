from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.extraction import event_time as module
from streams.extraction.event_time import format_time, parse_expiration, parse_time

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@given(
    st.text("0123456789-T:Z +.\u0661W", min_size=19, max_size=19).map(lambda text: f"{text}Z")
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z", fullmatch=True)
)
@example("2026-01-01T24:00:00Z")
@example("2016-12-31T23:59:60Z")
@example("2026-W01-1T12:00:00Z")
def test_the_usual_form_is_read_as_any_other(text: str) -> None:
    """T5: the fast way for the form that CloudTrail writes gives what a zero behind its point gives."""
    assert parse_time(text) == parse_time(f"{text[:-1]}.0Z")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01t12:00:00z", NOON),
        ("2026-01-01 12:00:00Z", NOON),
        ("2026-01-01T12:00:00.000Z", NOON),
        ("2026-01-01T12:00:00.5Z", NOON + 500),
        ("2026-01-01T12:00:00.123456789Z", NOON + 123),
        ("2026-01-01T13:30:00+01:30", NOON),
        ("2025-12-31T23:00:00-13:00", NOON),
        ("2026-01-01T12:00:00-00:00", NOON),
        ("2026-01-01T12:00:00", NOON),
        ("2026-01-01 12:00:00.000", NOON),
        ("2026-01-01 12:00:00.000 UTC", NOON),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_rfc_3339_is_readable(text: str, time: int) -> None:
    """T5, R9: eventTime is RFC 3339, with any offset, UTC without one, and any decimals, cut to milliseconds."""
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "2026-01-01",
        "2026-01-01T12:00:00 CET",
        "2026-01-01T12:00Z",
        "2026-01-01T12:00:00 Z",
        "2026-01-01T12:00:00Z\n",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T12:00:00+24:00",
        "2026-01-01T12:00:00+0100",
        "20260101T120000Z",
        "2026-W01-4T12:00:00Z",
        "٢٠٢٦-01-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "yesterday",
        NOON,
        float(NOON),
        True,
        ["2026-01-01T12:00:00Z"],
    ],
)
def test_nothing_else_is_readable(value: object) -> None:
    """T5: a time in another form or zone, or outside the years 1 to 9999 in UTC, is not readable."""
    assert parse_time(value) is None


@given(
    st.datetimes(
        timezones=st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes)))
    )
)
def test_every_time_with_an_offset_reads_as_what_it_is(moment: datetime) -> None:
    """T5: the result agrees with the standard library for every year that UTC has."""
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    within = -62_135_596_800_000 <= expected <= 253_402_300_799_999
    assert parse_time(moment.isoformat()) == (expected if within else None)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_time_survives_being_written(time: int) -> None:
    """T5: times are written as ISO 8601 with milliseconds and Z."""
    assert parse_time(format_time(time)) == time
    assert len(format_time(time)) == len("2026-01-01T12:00:00.000Z")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("Jan 1, 2026, 12:00:00 PM", NOON),
        ("Jan 1, 2026 12:00:00 PM", NOON),
        ("Jan 1, 2026, 12:00:00\u202fPM", NOON),
        ("Jan 01, 2026, 12:00:00\xa0PM", NOON),
        ("Jan 1, 2026, 12:00:00 AM", NOON - 43_200_000),
        ("Jan 1, 2026, 1:00:00 PM", NOON + 3_600_000),
        ("2026-01-01T12:00:00Z", NOON),
        ("Jan 1, 2026, 13:00:00 PM", None),
        ("Jan 1, 2026, 0:00:00 AM", None),
        ("Foo 1, 2026, 12:00:00 PM", None),
        ("Feb 30, 2026, 12:00:00 PM", None),
        ("soon", None),
        (None, None),
        (NOON, None),
    ],
)
def test_the_expiration_of_credentials_is_read_as_cloudtrail_writes_it(value: object, time: int | None) -> None:
    """A5: issued_expires_at is read from text such as "Oct 25, 2024, 9:07:11 PM"; unreadable text gives null."""
    assert parse_expiration(value) == time


@given(
    st.sampled_from(["Jan", "Feb", "Apr", "Dec", "Mai"]),
    st.integers(0, 32),
    st.sampled_from([0, 1, 1900, 1969, 1970, 2000, 2023, 2024, 9999]),
    st.tuples(st.integers(0, 13), st.integers(0, 61), st.integers(0, 61)),
    st.sampled_from("AP"),
)
def test_an_expiration_is_the_time_that_the_calendar_has(
    month: str, day: int, year: int, clock: tuple[int, int, int], half: str
) -> None:
    """A5: each day and time of day that there is, and no other, as Python's calendar reads it."""
    hour, minute, second = clock
    text = f"{month} {day:02}, {year:04}, {hour}:{minute:02}:{second:02} {half}M"
    try:
        there = datetime.strptime(text, "%b %d, %Y, %I:%M:%S %p").replace(tzinfo=UTC) if second < 60 else None
    except ValueError:
        there = None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_expiration(text) == (None if there is None else (there - epoch) // timedelta(milliseconds=1))


def test_long_texts_in_place_of_an_expiry_are_not_kept() -> None:
    """What is kept of recent expiries takes little memory, whatever a record holds."""
    module._parse_short_expiration.cache_clear()  # noqa: SLF001  nothing else shows what is kept
    assert parse_expiration("x" * 1_000) is None
    assert parse_expiration("Oct 25, 2024, 9:07:11 PM") is not None
    assert module._parse_short_expiration.cache_info().currsize == 1  # noqa: SLF001
