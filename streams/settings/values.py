"""The values of settings and options: sizes, times and lists (durations: ``rules.duration``).

Each parser takes text from a variable, an option or the file, and the types that TOML has of its own. It raises
ValueError with a message that says what is allowed; pydantic reports that error. ``Settings`` uses the annotated types.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from streams.rules.duration import milliseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST, _LONGEST = 1_000, 36_500 * 86_400_000
# From the size that topics take by default, to one that fits into a request: brokers allow 100 MiB by default.
_SMALLEST_RECORD, _LARGEST_RECORD = 1 << 20, 64 << 20
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII)
_SIZE = re.compile(r"([0-9]+)\s?(B|KiB|MiB|GiB)")
_SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TIME_ALLOWED = "write a time of RFC 3339 with its offset, such as 2026-01-31T09:00:00Z, or a date (UTC)"


def parse_duration(value: object) -> int:
    """Return the milliseconds of a duration such as ``10d``, from one second to 36,500 days.

    Raises:
        ValueError: the value is anything else; the message says what is allowed.
    """
    if not isinstance(value, str):
        raise ValueError('write a duration in quotes and with its unit, such as "10d" or "5m"')  # noqa: TRY004  pydantic's
    length = milliseconds(value.strip())
    if not _SHORTEST <= length <= _LONGEST:
        raise ValueError("a duration is from 1s to 36500d")
    return length


def parse_duration_or_zero(value: object) -> int:
    """Return the milliseconds of a duration, which may be ``0s``; otherwise as ``parse_duration``."""
    return 0 if isinstance(value, str) and value.strip() == "0s" else parse_duration(value)


def parse_time(value: object) -> int:
    """Return milliseconds since the epoch of an RFC 3339 time with an offset, or of a date's midnight in UTC.

    The value is text, or one of TOML's dates and times.

    Raises:
        ValueError: the value is anything else; the message says what is allowed.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, str) and _TIME.fullmatch(value.strip()):
        moment = _moment(value.strip())
        if len(value.strip()) == len("2026-01-31"):
            moment = moment.replace(tzinfo=UTC)
    else:
        raise ValueError(_TIME_ALLOWED)
    if moment.tzinfo is None:
        raise ValueError(_TIME_ALLOWED)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(f"{error}; {_TIME_ALLOWED}") from None


def parse_size(value: object) -> int:
    """Return the bytes of a size such as ``64MiB``; units are B, KiB, MiB and GiB.

    Raises:
        ValueError: the value is anything else; the message says what is allowed.
    """
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a size with its unit B, KiB, MiB or GiB, such as 64MiB")
    size = int(match[1]) * _SIZE_UNITS[match[2]]
    if not 0 < size < 1 << 40:
        raise ValueError("a size is from 1B to 1023GiB")
    return size


def parse_record_size(value: object) -> int:
    """Return the bytes of a record in a Kafka topic, from 1 MiB to 64 MiB; otherwise as ``parse_size``."""
    size = parse_size(value)
    if not _SMALLEST_RECORD <= size <= _LARGEST_RECORD:
        raise ValueError("a record's size is from 1MiB to 64MiB")
    return size


def _split(value: object) -> object:
    """Return the parts of a comma-separated list; a TOML list is returned unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple):
        raise ValueError("write text, separated by commas, or a list of text")  # noqa: TRY004  pydantic's
    return value


def _whole(value: object) -> object:
    """Refuse true and false, which Python treats as the numbers 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("write a whole number")  # noqa: TRY004  pydantic's
    return value


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16) or "/" in host:
        raise ValueError(f"{value!r} is not a broker's address: write host:port")
    return value


def file_problem(path: Path) -> str | None:
    """Return in words why a path is not a file; ``None`` if it is one. The file is not opened."""
    try:
        return None if path.is_file() else "there is no such file"
    except OSError as refused:  # this user must not read a directory above it
        return f"cannot be looked at: {refused.strerror}"


def _file(value: Path) -> Path:
    if problem := file_problem(value):
        raise ValueError(problem)
    return value


def _path_as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("give at least one")
    return value


Duration = Annotated[int, BeforeValidator(parse_duration)]
DurationOrZero = Annotated[int, BeforeValidator(parse_duration_or_zero)]
Time = Annotated[int, BeforeValidator(parse_time)]
Size = Annotated[int, BeforeValidator(parse_size)]
RecordSize = Annotated[int, BeforeValidator(parse_record_size)]
Whole = Annotated[int, BeforeValidator(_whole)]
ExistingFile = Annotated[Path, AfterValidator(_file)]
# A topic's name in Kafka has at most 249 characters; 49 of them are left for the part behind a prefix.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_split), Field(min_length=1)]
Files = Annotated[tuple[ExistingFile, ...], BeforeValidator(_split)]
Entry = Annotated[str, StringConstraints(pattern=r"\S"), BeforeValidator(_path_as_text)]
Entries = Annotated[tuple[Entry, ...], AfterValidator(_some), BeforeValidator(_split)]
Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_split), Field(min_length=1)]
