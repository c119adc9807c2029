"""Objects in S3 as a source, read by fsspec's s3fs (the extra ``s3``).

Rules:
- Credentials, region and endpoint come from where every AWS tool finds them (environment, profile, instance role).
- List 1,000 keys per request, in key order, ignoring folders. One request per folder would take hours, because there is
  a folder per account, region and day. If CloudTrail's dated folders lie outside the span, the listing skips them: a
  year of an organisation is millions of objects.
- Keys are used as S3 has them. They are no paths and no patterns, although s3fs's ``ls`` and ``cat`` treat them so.
- The objects of a task are requested together; one request after the other would leave the processor idle. A large
  object is read in blocks.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import Chunk
from streams.backtest.sources.archive import S3, Found, Listing, error_text, is_worth_entering
from streams.backtest.sources.files import read_one
from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from streams.backtest.reading.tasks import ReadSettings
    from streams.backtest.sources.span import Span

AT_ONCE = 16 * 1024 * 1024
"""Objects of at most this size are fetched whole, and together."""

_BLOCK = 8 * 1024 * 1024
_AFTER_ALL = "/\U0010fffd"  # sorts after every key of a folder
_NO_START = "--x-s3"
"""The end of a directory bucket's name: a listing of one cannot start in the middle (AWS, "ListObjectsV2")."""


class _Store(Protocol):
    """What is used of s3fs, which has no types."""

    def info(self, path: str) -> Mapping[str, Any]: ...

    def split_path(self, path: str) -> tuple[str, str, str | None]: ...

    def call_s3(self, method: str, **parameters: str) -> Mapping[str, Any]: ...

    def cat_ranges(
        self, paths: list[str], starts: int, ends: list[int], *, on_error: str
    ) -> list[bytes | Exception]: ...

    def open(self, path: str, mode: str, *, block_size: int, cache_type: str) -> BinaryIO: ...


@cache
def _store() -> _Store:
    try:
        import s3fs  # type: ignore[import-untyped]  # noqa: PLC0415  an optional extra without types
    except ImportError as error:
        raise UsageError("s3:// needs the extra `s3`: pip install 'rootwatch[s3]'") from error
    return cast("_Store", s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True))


def find(address: str, span: Span, listing: Listing) -> Iterator[Found]:
    """The object at an address, or all objects below that prefix; failures are in the listing.

    Raises:
        UsageError: the extra is not installed, or no bucket is named.
    """
    store = _store()
    name = address.removeprefix(S3).strip("/")
    if not name:
        raise UsageError(f"{address}: name the bucket: s3://bucket/prefix")
    try:
        info = store.info(address)
    except Exception as error:  # noqa: BLE001  botocore's errors have no common base but Exception
        is_no_bucket = isinstance(error, FileNotFoundError) and "/" not in name
        listing.failures.append((address, "there is no such bucket" if is_no_bucket else _error_text(error)))
        return
    if info["type"] == "file":
        yield Found(address, int(info["size"]))
    else:
        bucket, key, _ = store.split_path(address.rstrip("/"))
        yield from _below(store, bucket, f"{key}/" if key else "", span, listing)


def _below(store: _Store, bucket: str, prefix: str, span: Span, listing: Listing) -> Iterator[Found]:
    request = {"Bucket": bucket, "Prefix": prefix}
    may_skip = not bucket.endswith(_NO_START)
    folder = ""
    unwanted: str | None = None  # the outermost folder around the last key that is not worth entering
    try:
        while True:
            page = store.call_s3("list_objects_v2", **request)
            entries = page.get("Contents", ())
            if entries and entries[0]["Key"] <= request.get("StartAfter", ""):
                may_skip = False  # the store ignores StartAfter: this is its first answer again
            for entry in entries:
                key = entry["Key"]
                if key.rpartition("/")[0] != folder:
                    folder = key.rpartition("/")[0]
                    unwanted = _unwanted(folder, prefix, span)
                is_folder = not entry["Size"] and key.endswith("/")  # an empty object, as consoles make for a folder
                if not (is_folder or unwanted):
                    yield Found(f"{S3}{bucket}/{key}", int(entry["Size"]))
            if not page.get("IsTruncated"):
                return
            request = {"Bucket": bucket, "Prefix": prefix}
            if unwanted and may_skip and entries:
                request["StartAfter"] = _end_of_unwanted(store, bucket, unwanted, span)
            else:
                request["ContinuationToken"] = page["NextContinuationToken"]
    except Exception as error:  # noqa: BLE001  as above
        listing.failures.append((f"{S3}{bucket}/{prefix}", _error_text(error)))


def _unwanted(folder: str, prefix: str, span: Span) -> str | None:
    """The outermost folder below the prefix, of this folder and its parents, that is not worth entering."""
    ends = (end for end in range(len(prefix), len(folder) + 1) if folder[end : end + 1] in ("", "/"))
    return next((parent for end in ends if not is_worth_entering(parent := folder[:end], span)), None)


def _end_of_unwanted(store: _Store, bucket: str, folder: str, span: Span) -> str:
    """A name that sorts after all keys of a folder, and after those of the unwanted folders that directly follow it.

    An object between these folders, such as one beside the years of a region, ends the row, because it is read.
    """
    last = folder + _AFTER_ALL
    parent = folder[: folder.rfind("/") + 1]
    page = store.call_s3("list_objects_v2", Bucket=bucket, Prefix=parent, Delimiter="/", StartAfter=last)
    objects = {entry["Key"] for entry in page.get("Contents", ())}
    for name in sorted({*objects, *(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))}):
        if name <= last:
            continue
        if name in objects or is_worth_entering(name.removesuffix("/"), span):
            break
        last = name.removesuffix("/") + _AFTER_ALL
    return last


@dataclass(frozen=True, slots=True)
class ObjectTask:
    """A group of objects, fetched together."""

    files: tuple[Found, ...]

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the objects. One that cannot be read is named in ``ReadStats.failures``, and the next one follows."""
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


def _fetched(objects: list[Found]) -> dict[str, bytes | Exception]:
    """By address, the bytes of each object, or the exception that came in place of them."""
    paths = [found.path for found in objects if found.size]
    # With the sizes given, s3fs need not ask for them. An empty object has no range to ask for.
    ends = [found.size for found in objects if found.size]
    answers = _store().cat_ranges(paths, 0, ends, on_error="return") if paths else []
    fetched: dict[str, bytes | Exception] = {found.path: b"" for found in objects}
    return fetched | dict(zip(paths, answers, strict=True))


def _open(found: Found) -> BinaryIO:
    return _store().open(found.path, "rb", block_size=_BLOCK, cache_type="readahead")


def _error_text(error: Exception) -> str:
    """The text of an error for a person."""
    if isinstance(error, FileNotFoundError) and not error.strerror:
        return "there is no such object, and none below it"
    if isinstance(error, OSError):
        return error_text(error)
    return f"{type(error).__name__}: {error}"
