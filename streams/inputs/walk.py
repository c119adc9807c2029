"""What a message shape is, and the walk through a message that its shapes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

from streams.detection import gzipped, json_text
from streams.detection.record import Notice, Record, Unreadable
from streams.inputs.content import element_content

Item = Record | Unreadable | Notice
Document = Mapping[str, Any]

# An Elasticsearch hit around a Filebeat document around an SNS notification around awslogs data around a record: five.
_MOST_WRAPPERS = 8


class Shape(Protocol):
    """A message shape (R1): a module of this package."""

    NAME: str

    def recognises(self, document: Document, /) -> bool:
        """Whether the document has this shape, judged by its top level only (R2)."""

    def read(self, document: Document, walk: Walk, /) -> Iterator[Item]:
        """Find the records that a document of this shape holds."""


@dataclass(slots=True)
class Room:
    """How many bytes a message may still be decompressed to: one bound for all that is packed in it (R3)."""

    limit: int
    used: int = 0

    def inflate(self, value: bytes) -> bytes:
        """Decompress gzip.

        Raises:
            CorruptGzipError, TooLargeError: as ``gzipped.inflate``.
        """
        try:
            content = gzipped.inflate(value, self.limit - self.used)
        except gzipped.TooLargeError:
            raise gzipped.TooLargeError(self.limit) from None
        self.used += len(content)
        return content


@dataclass(frozen=True, slots=True)
class Walk:
    """Where in a message reading is.

    Attributes:
        dispatch: reads a JSON value of any shape.
        room: what may still be decompressed.
        numbers: gives each element of the message its number; ``None`` while the message is one element as a whole.
        shape: the name of the outermost shape, by which records are counted.
        wrappers: how many shapes are around this place.
    """

    dispatch: Callable[[Any, Walk], Iterator[Item]]
    room: Room
    numbers: Iterator[int] | None = None
    shape: str | None = None
    wrappers: int = 0

    def elements(self) -> Walk:
        """The walk through several elements, numbered in the order of reading across the message (R4)."""
        return self if self.numbers is not None else replace(self, numbers=count())

    def document(self, value: Any) -> Iterator[Item]:
        """Read a JSON value that this shape is wrapped around."""
        if self.wrappers == _MOST_WRAPPERS:
            yield self.unknown("wrapped too many times", value)
            return
        yield from self.dispatch(value, replace(self, wrappers=self.wrappers + 1))

    def text(self, text: str) -> Iterator[Item]:
        """Read JSON text that this shape is wrapped around; blank text is known to hold nothing (R5)."""
        text = text.removeprefix("\ufeff").strip(" \t\r\n")
        if not text:
            yield self.notice("an empty value")
            return
        try:
            value = json_text.parse(text)
        except json_text.MalformedJsonError as error:
            yield self.unreadable("malformed", str(error), text.encode("utf-8"))
            return
        yield from self.document(value)

    def record(self, fields: Document, source: Document | None = None) -> Record:
        """A record; ``source`` is the element it was read from, if that is not the record itself."""
        return Record(fields, fields if source is None else source, self.shape or "record", self._number())

    def notice(self, what: str) -> Notice:
        """Something that is known to hold no record (R5)."""
        return Notice(what, self._number())

    def unknown(self, error: str, element: Any) -> Unreadable:
        """Valid JSON of no known shape (R6)."""
        return self.unreadable("unknown-shape", error, element)

    def unreadable(self, reason: str, error: str, element: Any) -> Unreadable:
        """Something that cannot be read; the element is bytes as they came, or a JSON value."""
        number = self._number()
        if number is None:
            return Unreadable(reason, error)
        return Unreadable(reason, error, number, element if isinstance(element, bytes) else element_content(element))

    def _number(self) -> int | None:
        return None if self.numbers is None else next(self.numbers)
