"""Objects in S3 as a source, by fsspec's s3fs: the extra ``s3``.

Rules:
- Credentials, region and endpoint are found where every AWS tool finds them (environment, profile, instance role).
- A listing has a thousand keys to an answer, in order of their names, whatever their folders: an answer a folder would
  take hours for an organisation, whose every account has one a region and day. Where CloudTrail's dated folders lie
  outside the span, it starts anew behind them: a year of an organisation is millions of objects.
- Keys are taken as S3 has them: they are no paths and no patterns, though s3fs's ``ls`` and ``cat`` take them for such.
- The objects of a task are asked for together, as one answer after the other would leave the processor idle. A large
  one is read in blocks.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import Chunk
from streams.backtest.sources.archive import S3, Found, Listing, error_text, is_worth_entering
from streams.backtest.sources.files import read_one
from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from streams.backtest.reading.tasks import ReadSettings
    from streams.backtest.sources.span import Span

AT_ONCE = 16 * 1024 * 1024
"""Objects up to this size are fetched whole, and together."""

_BLOCK = 8 * 1024 * 1024
_BEHIND = "/\U0010fffd"
_NO_START = "--x-s3"
"""What the names of directory buckets end in: a listing of one cannot begin in the middle (AWS, "ListObjectsV2")."""


@cache
def _store() -> Any:
    try:
        import s3fs  # type: ignore[import-untyped]  # noqa: PLC0415  an optional extra without types
    except ImportError as error:
        raise UsageError("s3:// needs the extra `s3`: pip install 'rootwatch[s3]'") from error
    return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


def find(address: str, span: Span, listing: Listing) -> Iterator[Found]:
    """The object at an address, or all below that prefix; what cannot be listed is in the listing's failures.

    Raises:
        UsageError: the extra is not installed, or no bucket is named.
    """
    store = _store()
    name = address.removeprefix(S3).strip("/")
    if not name:
        raise UsageError(f"{address}: name the bucket: s3://bucket/prefix")
    try:
        info = store.info(address)
    except Exception as error:  # noqa: BLE001  botocore's many kinds of error have no base beside Exception
        is_no_bucket = isinstance(error, FileNotFoundError) and "/" not in name
        listing.failures.append((address, "there is no such bucket" if is_no_bucket else _error_text(error)))
        return
    if info["type"] == "file":
        yield Found(address, int(info["size"]))
    else:
        bucket, key, _ = store.split_path(address.rstrip("/"))
        yield from _below(store, bucket, f"{key}/" if key else "", span, listing)


def _below(store: Any, bucket: str, prefix: str, span: Span, listing: Listing) -> Iterator[Found]:
    asked = {"Bucket": bucket, "Prefix": prefix}
    may_jump = not bucket.endswith(_NO_START)
    folder = ""
    unwanted: str | None = None  # of the last key's folder and those around it, what is not worth entering
    try:
        while True:
            page = store.call_s3("list_objects_v2", **asked)
            entries = page.get("Contents", ())
            if entries and entries[0]["Key"] <= asked.get("StartAfter", ""):
                may_jump = False  # a store that does not know how: this is its first answer again
            for entry in entries:
                key = entry["Key"]
                if key.rpartition("/")[0] != folder:
                    folder = key.rpartition("/")[0]
                    unwanted = _unwanted(folder, prefix, span)
                is_mark = not entry["Size"] and key.endswith("/")  # of a folder, as consoles make them
                if not (is_mark or unwanted):
                    yield Found(f"{S3}{bucket}/{key}", int(entry["Size"]))
            if not page.get("IsTruncated"):
                return
            asked = {"Bucket": bucket, "Prefix": prefix}
            if unwanted and may_jump and entries:
                asked["StartAfter"] = _end_of_unwanted(store, bucket, unwanted, span)
            else:
                asked["ContinuationToken"] = page["NextContinuationToken"]
    except Exception as error:  # noqa: BLE001  as above
        listing.failures.append((f"{S3}{bucket}/{prefix}", _error_text(error)))


def _unwanted(folder: str, prefix: str, span: Span) -> str | None:
    """The outermost of a folder and those around it, below the prefix, that is not worth entering."""
    ends = (place for place in range(len(prefix), len(folder) + 1) if folder[place : place + 1] in ("", "/"))
    return next((around for end in ends if not is_worth_entering(around := folder[:end], span)), None)


def _end_of_unwanted(store: Any, bucket: str, folder: str, span: Span) -> str:
    """A name behind all that a folder holds, and the folders next to it, one after the other, that are unwanted too.

    What else lies among these, such as an object beside the years of a region, ends the row: it is read.
    """
    passed = folder + _BEHIND
    around = folder[: folder.rfind("/") + 1]
    page = store.call_s3("list_objects_v2", Bucket=bucket, Prefix=around, Delimiter="/", StartAfter=passed)
    objects = {entry["Key"] for entry in page.get("Contents", ())}
    for name in sorted({*objects, *(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))}):
        if name <= passed:
            continue
        if name in objects or is_worth_entering(name.removesuffix("/"), span):
            break
        passed = name.removesuffix("/") + _BEHIND
    return passed


@dataclass(frozen=True, slots=True)
class ObjectTask:
    """Some objects, fetched together."""

    files: tuple[Found, ...]

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the objects; one that cannot be read is named in ``ReadStats.failures``, and the next one follows."""
        reader = Reader(read_settings)
        answers = _fetched([found for found in self.files if found.size <= AT_ONCE])
        for found in self.files:
            answer = answers.pop(found.path, None)
            if isinstance(answer, Exception):
                reader.stats.failures.append((found.path, _error_text(answer)))
                continue
            try:
                stored = io.BytesIO(answer) if answer is not None else _open(found)
            except Exception as error:  # noqa: BLE001  as above
                reader.stats.failures.append((found.path, _error_text(error)))
                continue
            with stored:
                yield from read_one(found, stored, reader)
        yield Chunk(*reader.take())


def _fetched(objects: list[Found]) -> dict[str, Any]:
    """By address the bytes of objects, or the exception that came instead of them."""
    paths = [found.path for found in objects if found.size]
    # Told how much there is, s3fs need not ask for it; an empty object has no range to ask for.
    ends = [found.size for found in objects if found.size]
    answers = _store().cat_ranges(paths, 0, ends, on_error="return") if paths else []
    return {found.path: b"" for found in objects} | dict(zip(paths, answers, strict=True))


def _open(found: Found) -> BinaryIO:
    opened: BinaryIO = _store().open(found.path, "rb", block_size=_BLOCK, cache_type="readahead")
    return opened


def _error_text(error: Exception) -> str:
    """What is wrong, for a person."""
    if isinstance(error, FileNotFoundError) and not error.strerror:
        return "there is no such object, and none below it"
    if isinstance(error, OSError):
        return error_text(error)
    return f"{type(error).__name__}: {error}"
