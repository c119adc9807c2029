"""What a message shape is, and the walk through a message that its shapes share.

Rules:
- Text that is not one JSON document is read as several, one a line, if at least one line is a document that cannot
  belong to one begun before it: the first line does not merely open one, or what it opens cannot go on with that line
  (R2). A line that is none costs only itself (R4).
- Every document and every line may start with a byte order mark, as where files were put together.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

from streams.detection import json_text
from streams.detection.compression import CorruptError, TooLargeError, decompress
from streams.detection.record import Notice, Record, Unreadable
from streams.inputs.content import element_content
from streams.inputs.encoding import NotTextError, to_utf8, without_schema_id

Item = Record | Unreadable | Notice
Document = Mapping[str, Any]

# An Elasticsearch hit around a Filebeat document around an SNS notification around awslogs data around a record: five,
# and the message's own text is the first. Envelopes of forwarders have a bound of their own.
_MOST_WRAPPERS = 12

_BLANKS = b" \t\r\n"
_OPENING = (b"{", b"[", b",", b":")


class Shape(Protocol):
    """A message shape (R1): a module of this package."""

    @property
    def NAME(self) -> str:  # noqa: N802  a module's constant, or a field of an envelope
        """By what its records are counted."""

    def recognises(self, document: Document, /) -> bool:
        """Whether the document has this shape, judged by its top level only (R2)."""

    def read(self, document: Document, walk: Walk, /) -> Iterator[Item]:
        """Find the records that a document of this shape holds."""


@dataclass(slots=True)
class Room:
    """How many bytes a message may still be decompressed to: one bound for all that is packed in it (R3)."""

    limit: int
    used: int = 0

    def unpack(self, value: bytes) -> bytes:
        """Decompress a value; one that is not compressed takes no room, because it lies in one that was counted.

        Raises:
            CorruptError: it starts like a compressed value, and is damaged or cut.
            TooLargeError: the message is larger than it may be, decompressed.
        """
        beginning = decompress(value, self.limit - self.used)
        if beginning is None:
            if len(value) > self.limit:
                raise TooLargeError(self.limit)
            return value
        if beginning.is_larger:
            raise TooLargeError(self.limit)
        if beginning.damage is not None:
            raise CorruptError(beginning.damage)
        self.used += len(beginning.content)
        return beginning.content


@dataclass(frozen=True, slots=True)
class Walk:
    """Where in a message reading is.

    Attributes:
        dispatch: reads a JSON value of any shape.
        room: what may still be decompressed.
        numbers: gives each element of the message its number; ``None`` while the message is one element as a whole.
        shape: the name of the outermost shape, by which records are counted.
        wrappers: how many shapes are around this place.
        envelopes: how many of these are envelopes of forwarders (R8).
    """

    dispatch: Callable[[Any, Walk], Iterator[Item]]
    room: Room
    numbers: Iterator[int] | None = None
    shape: str | None = None
    wrappers: int = 0
    envelopes: int = 0

    def elements(self) -> Walk:
        """The walk through several elements, numbered in the order of reading across the message (R4)."""
        return self if self.numbers is not None else replace(self, numbers=count())

    def document(self, value: Any) -> Iterator[Item]:
        """Read a JSON value that this shape is wrapped around."""
        if self.wrappers == _MOST_WRAPPERS:
            yield self.unknown("wrapped too many times", value)
            return
        # Not by replace, which takes a tenth of reading a record.
        inner = Walk(self.dispatch, self.room, self.numbers, self.shape, self.wrappers + 1, self.envelopes)
        yield from self.dispatch(value, inner)

    def under(self, shape: str) -> Walk:
        """The walk through a document of this shape; the outermost one's name stays."""
        if self.shape is not None:
            return self
        return Walk(self.dispatch, self.room, self.numbers, shape, self.wrappers, self.envelopes)

    def message(self, value: bytes) -> Iterator[Item]:
        """Read bytes as a message: compressed or not, in any encoding, behind a schema's id or not (R1, R8)."""
        try:
            text = to_utf8(without_schema_id(self.room.unpack(value)))
        except TooLargeError as error:
            yield self.unreadable("too-large", str(error), value)
        except (CorruptError, NotTextError) as error:
            yield self.unreadable("malformed", str(error), value)
        else:
            yield from self.text(text)

    def text(self, text: bytes | str) -> Iterator[Item]:
        """Read the text of a message, or that a shape is wrapped around; blank text is known to hold nothing (R5)."""
        encoded = _bare(text.encode("utf-8") if isinstance(text, str) else text)
        if not encoded:
            yield self.notice("an empty value")
            return
        try:
            value = json_text.parse(encoded)
        except json_text.MalformedJsonError as error:
            lines = encoded.split(b"\n")
            if _are_documents(lines, error.line):
                yield from self._lines([line for line in lines if _bare(line)])
            else:
                yield self.unreadable("malformed", str(error), encoded)
        else:
            yield from self.document(value)

    def _lines(self, lines: list[bytes]) -> Iterator[Item]:
        elements = self.elements()
        for line in lines:
            try:
                value = json_text.parse(_bare(line))
            except json_text.MalformedJsonError as error:
                yield elements.unreadable("malformed", str(error), line)
            else:
                yield from elements.document(value)

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


def _bare(text: bytes) -> bytes:
    return text.strip(_BLANKS).removeprefix(codecs.BOM_UTF8).strip(_BLANKS)


def _are_documents(lines: list[bytes], misfit: int | None) -> bool:
    """Whether these are documents, one a line, rather than the lines of one that is cut or damaged.

    The first line is not blank. ``misfit`` is the line that cannot follow those before it, if there is one.
    """
    if len(lines) == 1:
        return False
    if lines[0].rstrip(_BLANKS).endswith(_OPENING):
        return misfit is not None and _is_document(lines[misfit])
    return any(map(_is_document, lines))


def _is_document(line: bytes) -> bool:
    bare = _bare(line)
    if not bare.startswith((b"{", b"[")):
        return False
    try:
        json_text.parse(bare)
    except json_text.MalformedJsonError:
        return False
    return True
