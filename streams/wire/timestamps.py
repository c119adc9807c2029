"""Timestamps as text, for every integer of 64 bits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_YEAR_ONE_MILLISECONDS = -62_135_596_800_000
# The Gregorian calendar repeats itself after 400 years.
_CYCLE_YEARS = 400
_CYCLE_MILLISECONDS = 146_097 * 86_400_000
_LAST_PLAIN_YEAR = 9999
_YEAR_DIGITS = 4
_PLAIN_LENGTH = len("2026-03-02T09:14:00.000")


def to_iso8601(milliseconds: int) -> str:
    """Write milliseconds since the epoch as ISO 8601 in UTC, such as ``2026-03-02T09:14:00.000Z``.

    Kafka takes any 64-bit timestamp from a producer, so every such integer has a text. Years outside 0 to 9999 have the
    standard's expanded form, with a sign and at least six digits, as in JavaScript's ``toISOString``.
    """
    cycles, rest = divmod(milliseconds - _YEAR_ONE_MILLISECONDS, _CYCLE_MILLISECONDS)
    moment = _YEAR_ONE + timedelta(milliseconds=rest)
    year = moment.year + cycles * _CYCLE_YEARS
    shown = f"{year:04d}" if 0 <= year <= _LAST_PLAIN_YEAR else f"{year:+07d}"
    return f"{shown}{moment.isoformat(timespec='milliseconds')[_YEAR_DIGITS:_PLAIN_LENGTH]}Z"
