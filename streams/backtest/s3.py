"""Objects in S3 as a source, by fsspec's s3fs: the extra ``s3``.

Rules:
- Credentials, region and endpoint are found where every AWS tool finds them (environment, profile, instance role).
- CloudTrail's dated prefixes are pruned before they are listed: a year of an organisation is millions of objects.
- Keys are taken as S3 has them: they are no paths and no patterns, though s3fs's ``ls`` and ``cat`` take them for such.
- The objects of a task are asked for together, as one answer after the other would leave the processor idle. A large
  one is read in blocks.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from streams.backtest.archive import S3, Found, Listing, is_worth_entering, words
from streams.backtest.files import read_one
from streams.backtest.parts import Part
from streams.backtest.reader import Reader
from streams.backtest.wanted import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from streams.backtest.reader import Reading
    from streams.backtest.span import Span

AT_ONCE = 16 * 1024 * 1024
"""Objects up to this size are fetched whole, and together."""

_BLOCK = 8 * 1024 * 1024


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
        listing.failures.append((address, "there is no such bucket" if is_no_bucket else _words(error)))
        return
    if info["type"] == "file":
        yield Found(address, int(info["size"]))
    else:
        bucket, key, _ = store.split_path(address.rstrip("/"))
        yield from _below(store, bucket, f"{key}/" if key else "", span, listing)


def _below(store: Any, bucket: str, prefix: str, span: Span, listing: Listing) -> Iterator[Found]:
    asked = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"}
    while True:
        try:
            page = store.call_s3("list_objects_v2", **asked)
        except Exception as error:  # noqa: BLE001  as above
            listing.failures.append((f"{S3}{bucket}/{prefix}", _words(error)))
            return
        for entry in page.get("Contents", ()):
            if entry["Size"] or entry["Key"] != prefix:  # a prefix may be an object too, the empty mark of a folder
                yield Found(f"{S3}{bucket}/{entry['Key']}", int(entry["Size"]))
        for folder in page.get("CommonPrefixes", ()):
            if is_worth_entering(f"{S3}{bucket}/{folder['Prefix']}".removesuffix("/"), span):
                yield from _below(store, bucket, folder["Prefix"], span, listing)
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


@dataclass(frozen=True, slots=True)
class ObjectTask:
    """Some objects, fetched together."""

    files: tuple[Found, ...]

    def read(self, reading: Reading) -> Iterator[Part]:
        """Read the objects; one that cannot be read is named in the tally's failures, and the next one follows."""
        reader = Reader(reading)
        answers = _fetched([found for found in self.files if found.size <= AT_ONCE])
        for found in self.files:
            answer = answers.pop(found.path, None)
            if isinstance(answer, Exception):
                reader.tally.failures.append((found.path, _words(answer)))
                continue
            try:
                stored = io.BytesIO(answer) if answer is not None else _open(found)
            except Exception as error:  # noqa: BLE001  as above
                reader.tally.failures.append((found.path, _words(error)))
                continue
            with stored:
                yield from read_one(found, stored, reader)
        yield Part(*reader.take())


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


def _words(error: Exception) -> str:
    """What is wrong, for a person."""
    if isinstance(error, FileNotFoundError) and not error.strerror:
        return "there is no such object, and none below it"
    if isinstance(error, OSError):
        return words(error)
    return f"{type(error).__name__}: {error}"
