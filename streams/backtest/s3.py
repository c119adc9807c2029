"""Objects in S3 as a source, by fsspec's s3fs: the extra ``s3``.

Rules:
- Credentials, region and endpoint are found where every AWS tool finds them (environment, profile, instance role).
- CloudTrail's dated prefixes are pruned before they are listed: a year of an organisation is millions of objects.
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
        UsageError: the extra is not installed.
    """
    store = _store()
    try:
        info = store.info(address)
    except Exception as error:  # noqa: BLE001  botocore's many kinds of error have no base beside Exception
        listing.failures.append((address, _words(error)))
        return
    if info["type"] == "file":
        yield Found(address, int(info["size"]))
    else:
        yield from _below(store, address.rstrip("/"), span, listing)


def _below(store: Any, prefix: str, span: Span, listing: Listing) -> Iterator[Found]:
    try:
        entries = store.ls(prefix, detail=True)
    except Exception as error:  # noqa: BLE001  as above
        listing.failures.append((prefix, _words(error)))
        return
    for entry in entries:
        address = f"{S3}{entry['name']}".rstrip("/")
        if entry["type"] == "directory":
            if is_worth_entering(address, span):
                yield from _below(store, address, span, listing)
        elif address != prefix:  # a prefix may be an object too, the empty mark of a folder
            yield Found(address, int(entry["size"]))


@dataclass(frozen=True, slots=True)
class ObjectTask:
    """Some objects, fetched together."""

    files: tuple[Found, ...]

    def read(self, reading: Reading) -> Iterator[Part]:
        """Read the objects; one that cannot be read is named in the tally's failures, and the next one follows."""
        reader = Reader(reading)
        small = [found.path for found in self.files if found.size <= AT_ONCE]
        fetched = _store().cat(small, on_error="return") if small else {}
        answers = {f"{S3}{name.removeprefix(S3)}": answer for name, answer in fetched.items()}
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


def _open(found: Found) -> BinaryIO:
    opened: BinaryIO = _store().open(found.path, "rb", block_size=_BLOCK, cache_type="readahead")
    return opened


def _words(error: Exception) -> str:
    """What is wrong, for a person."""
    if isinstance(error, OSError):
        return words(error)
    return f"{type(error).__name__}: {error}"
