"""Times as CloudTrail writes them, to and from milliseconds since the epoch, UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_USUAL_LENGTH = len("2026-01-01T12:00:00Z")
_USUAL_SIGNS = "--T::Z"
_LONGEST_EXPIRATION = len("Oct 25, 2024, 09:07:11 PM")  # longer ones are not kept
_EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND

_ZONE = r"(?:[Zz]| UTC|([+-])([01]\d|2[0-3]):([0-5]\d))?"
_RFC_3339 = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?{_ZONE}", re.ASCII)
_EXPIRATION = re.compile(r"([A-Z][a-z]{2}) (\d\d?), (\d{4}),? (\d\d?):(\d\d):(\d\d)\s([AP])M", re.ASCII)
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_NOON, _MIDNIGHT, _HOUR, _MINUTE = 12, 24, 60, 60
_LEAP_SECOND = 60


def parse_time(value: Any) -> int | None:
    """Read an ``eventTime`` (RFC 3339 with any number of decimals) as milliseconds since the epoch; else ``None``.

    A time without an offset is UTC, as CloudTrail Lake writes it (R9). A leap second is read as the second after it.
    A time outside the years 1 to 9999 in UTC is not readable.
    """
    if not isinstance(value, str):
        return None
    return _parse_usual(value) if len(value) == _USUAL_LENGTH else _parse_any(value)


@lru_cache(maxsize=1024)  # records come in the order of their times, so that many in a row have the same one
def _parse_usual(value: str) -> int | None:
    if value.isascii() and value[4::3] == _USUAL_SIGNS:
        try:
            return (datetime.fromisoformat(value) - _EPOCH) // _SECOND * 1000  # the form that CloudTrail writes
        except ValueError:  # such as a leap second
            pass
    return _parse_any(value)


def _parse_any(value: str) -> int | None:
    if (match := _RFC_3339.fullmatch(value)) is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    leap = second == _LEAP_SECOND
    local = _milliseconds((year, month, day), (hour, minute, second - leap))
    if local is None:
        return None
    time = local + leap * 1000 + int(f"{fraction or ''}000"[:3])
    if sign:
        ahead = (int(offset_hours) * 60 + int(offset_minutes)) * 60_000
        time -= ahead if sign == "+" else -ahead
    return time if _EARLIEST <= time <= _LATEST else None


def parse_expiration(value: Any) -> int | None:
    """Read ``responseElements.credentials.expiration``: ``Oct 25, 2024, 9:07:11 PM`` (UTC), or as ``parse_time``.

    The comma after the year and the kind of blank before AM or PM depend on the age of the record.
    """
    if not isinstance(value, str):
        return None
    return _parse_short_expiration(value) if len(value) <= _LONGEST_EXPIRATION else _parse_any_expiration(value)


@lru_cache(maxsize=1024)  # as above
def _parse_short_expiration(value: str) -> int | None:
    return _parse_any_expiration(value)


def _parse_any_expiration(value: str) -> int | None:
    match = _EXPIRATION.fullmatch(value.replace("\u202f", " ").replace("\xa0", " "))
    if match is None:
        return parse_time(value)
    name, day, year, hour_of_half, minute, second, half = match.groups()
    month, hour = _MONTHS.get(name), int(hour_of_half)
    if month is None or not 1 <= hour <= _NOON:
        return parse_time(value)
    return _milliseconds((int(year), month, int(day)), (hour % _NOON + _NOON * (half == "P"), int(minute), int(second)))


def format_time(time: int) -> str:
    """Write milliseconds since the epoch as ISO 8601 with milliseconds and ``Z``.

    Raises:
        OverflowError: the time is outside the years 1 to 9999.
    """
    return (_EPOCH + time * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(day: tuple[int, int, int], clock: tuple[int, int, int]) -> int | None:
    """Return a time that is written with digits alone; ``None`` if there is no such day or time of day."""
    try:
        days = date(*day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    hour, minute, second = clock
    if hour >= _MIDNIGHT or minute >= _HOUR or second >= _MINUTE:
        return None
    return (((days * _MIDNIGHT + hour) * _HOUR + minute) * _MINUTE + second) * 1000
