"""Finds the files of an archive: single files, and folders with all below them.

Rules:
- A file named twice, or below two of the given folders, is read once.
- Below a folder, links to folders are not followed and ``CloudTrail-Digest`` is skipped (R5: digests hold no events).
- ``AWSLogs/…/CloudTrail/region/YYYY/MM/DD/`` is CloudTrail's own layout
  (docs.aws.amazon.com, "Finding your CloudTrail log files"): a year, month or day that cannot hold events of the span
  is not entered. The date is that of delivery, so a day after the span is still read.
- A pipe below a folder is named and not read: opening it would wait for ever for somebody to write.
- Found files are sorted by their path, so that the order in which they were given means nothing.
"""

from __future__ import annotations

import os
import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from streams.backtest.sources.span import DAY, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Thing = TypeVar("_Thing")

S3 = "s3://"
DIGESTS = "CloudTrail-Digest"
_DATED = re.compile(r"(?:^|/)AWSLogs/(?:[^/]+/)+CloudTrail/[^/]+/(\d{4})(?:/(\d\d)(?:/(\d\d))?)?$")


class Found(NamedTuple):  # an archive has a million of them: to make, sort and send one costs half of a dataclass
    """A file to read: its path, or its ``s3://`` address, and its size in bytes as stored."""

    path: str
    size: int


@dataclass(slots=True)
class Listing:
    """What was found, and (path, what is wrong) for what could not be listed."""

    files: list[Found] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


class Watch(Protocol):
    """Hears of each file as it is found."""

    def __call__(self, things: Iterable[_Thing], /) -> Iterator[_Thing]:
        """Pass things on."""


def find(paths: Iterable[str], span: Span, apart: Iterable[Path] = (), watch: Watch = iter) -> Listing:
    """Every file at the given paths and below them, each once, sorted by path.

    Args:
        paths: paths of files and folders.
        span: prunes CloudTrail's dated folders.
        apart: files that are no input wherever they lie: this run's own output and report.
        watch: what is found passes through it.
    """
    listing = Listing()
    unwanted = {os.path.realpath(path) for path in apart}
    seen: dict[str, Found] = {}
    for place in paths:
        for real, found in watch(_below(place, os.path.realpath(place), span, listing)):
            if real not in unwanted:
                seen[real] = min(found, seen[real]) if real in seen else found
    listing.files = sorted(seen.values())
    return listing


def _below(place: str, real: str, span: Span, listing: Listing) -> Iterator[tuple[str, Found]]:
    """The file at a place, or all files below it, each with its real path."""
    try:
        if not Path(place).is_dir():
            yield real, Found(place, Path(place).stat().st_size)
            return
    except OSError as error:
        listing.failures.append((place, error_text(error)))
        return
    folders = [(place, real)]
    while folders:
        folder, real = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            listing.failures.append((folder, error_text(error)))
            continue
        start, real_start = f"{folder.rstrip('/')}/", f"{real.rstrip('/')}/"
        for entry in entries:
            path = start + entry.name
            below = path if start == real_start else real_start + entry.name  # one string each, of a million, is enough
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
    """Whether the folder of that path, or S3 prefix without its final ``/``, may hold events of the span."""
    if folder.rsplit("/", 1)[-1] == DIGESTS:
        return False
    dated = _DATED.search(folder)
    if dated is None:
        return True
    try:
        first, after = _days(*(int(part) for part in dated.groups() if part))
    except ValueError:  # no date after all, such as month 13
        return True
    return span.may_hold_files_of(first, after)


def _days(year: int, month: int | None = None, day: int | None = None) -> tuple[int, int]:
    """The first millisecond of a year, month or day, and that after it."""
    last_month = month or 12
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last = datetime(year, last_month, day or monthrange(year, last_month)[1], tzinfo=UTC)
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000) + DAY


def error_text(error: OSError) -> str:
    """What is wrong, for a person, without the path."""
    return error.strerror or str(error) or type(error).__name__
