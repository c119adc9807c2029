"""Finds the files of an archive: single files, and folders with everything below them.

Rules:
- A file named twice, or below two of the given folders, is read once.
- Below a folder, links to folders are not followed, and ``CloudTrail-Digest`` is skipped (R5: digests hold no events).
- ``AWSLogs/…/CloudTrail/region/YYYY/MM/DD/`` is CloudTrail's own layout (docs.aws.amazon.com, "Finding your CloudTrail
  log files"). A year, month or day that cannot hold events of the span is not entered. The date is that of delivery, so
  the day after the span is still read.
- ``region=…/accountId=…/eventDay=YYYYMMDD/`` is that of Amazon Security Lake. ``eventDay`` is the day of the event in
  UTC (docs.aws.amazon.com, "Collecting data from custom sources in Security Lake"). Days are skipped alike. Beside the
  partitions of source version 2 lies ``metadata`` with the files of Iceberg's own, which is not entered.
- A pipe below a folder is named and not read: opening it would wait for ever for a writer.
- Found files are sorted by path, so that the order of the arguments does not matter.
"""

from __future__ import annotations

import os
import re
from calendar import monthrange
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field

from streams.backtest.sources.span import DAY, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Found = TypeVar("_Found")

S3 = "s3://"
DIGESTS = "CloudTrail-Digest"
_METADATA = "metadata"
_DATED = re.compile(r"(?:^|/)AWSLogs/(?:[^/]+/)+CloudTrail/[^/]+/(\d{4})(?:/(\d\d)(?:/(\d\d))?)?$")
_PARTITION = re.compile(r"(?:^|/)(?:eventday|eventhour|time_dt_day)=(\d{4})-?(\d\d)-?(\d\d)(?:-?\d\d)?$", re.IGNORECASE)
_OF_ICEBERG = re.compile(r"(?:^|/)(?:aws|ext)/[A-Za-z0-9_-]+/\d+\.\d+/metadata$")


class Found(NamedTuple):  # an archive has a million; making, sorting and sending one costs half as much as a dataclass
    """A file to read: its path, or its ``s3://`` address, and its size in bytes as stored."""

    path: str
    size: int


class Listing(Struct):
    """The files that were found, and (path, error) for what could not be listed."""

    files: list[Found] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


class Watch(Protocol):
    """Is told of each file as it is found."""

    def __call__(self, found: Iterable[_Found], /) -> Iterator[_Found]:
        """Pass on what is found."""


def find(paths: Iterable[str], span: Span, apart: Iterable[Path] = (), watch: Watch = iter) -> Listing:
    """Every file at the given paths and below them, each once, sorted by path.

    Args:
        paths: paths of files and folders.
        span: prunes CloudTrail's dated folders.
        apart: files that are never input: this run's own output and report.
        watch: every found file passes through it.
    """
    listing = Listing()
    own_files = {os.path.realpath(path) for path in apart}
    seen: dict[str, Found] = {}
    for path in paths:
        for real, found in watch(_below(path, os.path.realpath(path), span, listing)):
            if real not in own_files:
                seen[real] = min(found, seen[real]) if real in seen else found
    listing.files = sorted(seen.values())
    return listing


def _below(start: str, real: str, span: Span, listing: Listing) -> Iterator[tuple[str, Found]]:
    """The file at a path, or all files below it, each with its real path."""
    try:
        if not Path(start).is_dir():
            yield real, Found(start, Path(start).stat().st_size)
            return
    except OSError as error:
        listing.failures.append((start, error_text(error)))
        return
    folders = [(start, real)]
    while folders:
        folder, real = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            listing.failures.append((folder, error_text(error)))
            continue
        prefix, real_prefix = f"{folder.rstrip('/')}/", f"{real.rstrip('/')}/"
        for entry in entries:
            path = prefix + entry.name
            # The same string if the paths are the same: an archive has a million of them.
            below = path if prefix == real_prefix else real_prefix + entry.name
            try:
                if entry.is_dir():
                    if entry.is_dir(follow_symlinks=False) and is_worth_entering(path, span):
                        folders.append((path, below))
                    continue
                status = entry.stat()
            except OSError as error:
                listing.failures.append((path, error_text(error)))
                continue
            if not S_ISREG(status.st_mode):
                listing.failures.append((path, "a pipe, socket or device; it is read only if it is named itself"))
                continue
            yield os.path.realpath(path) if entry.is_symlink() else below, Found(path, status.st_size)


def is_worth_entering(folder: str, span: Span) -> bool:
    """Whether a folder, or an S3 prefix without its final ``/``, may hold events of the span."""
    name = folder.rsplit("/", 1)[-1]
    if name == DIGESTS or (name == _METADATA and _OF_ICEBERG.search(folder)):
        return False
    dated = _PARTITION.search(folder) if "=" in name else _DATED.search(folder)
    if dated is None:
        return True
    try:
        first, after = _days(*(int(part) for part in dated.groups() if part))
    except ValueError:  # not a date, such as month 13
        return True
    return span.may_hold_files_of(first, after)


def _days(year: int, month: int | None = None, day: int | None = None) -> tuple[int, int]:
    """The first millisecond of a year, month or day, and the first millisecond after it."""
    last_month = month or 12
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last = datetime(year, last_month, day or monthrange(year, last_month)[1], tzinfo=UTC)
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000) + DAY


def error_text(error: OSError) -> str:
    """The text of an error for a person, without the path."""
    return error.strerror or str(error) or type(error).__name__
