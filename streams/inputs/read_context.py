"""What a message shape is, and the context that the shapes share while they read one message."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from typing import Any, Protocol

from streams.content import json_text
from streams.content.compression import CorruptError, SizeBudget, TooLargeError
from streams.content.encoding import NotTextError, to_utf8, without_schema_id
from streams.extraction.record import PassedOver, Record, Unreadable
from streams.inputs import documents

Item = Record | Unreadable | PassedOver
Document = Mapping[str, Any]

# An Elasticsearch hit around a Filebeat document around an SNS notification around awslogs data around a record is
# five, and the message's own text is the first. Envelopes of forwarders have their own bound.
_MOST_WRAPPERS = 12

MOST_UNREADABLE = 100_000
"""How many elements of a message may be unreadable. With one more, the message is rejected and reading stops."""

_BLANKS = b" \t\r\n"


class Shape(Protocol):
    """A message shape (R1): a module of this package."""

    @property
    def NAME(self) -> str:  # noqa: N802  a module's constant, or a field of an envelope
        """The name under which its records are counted."""

    def recognises(self, document: Document, /) -> bool:
        """Whether the document has this shape, judged by its top level only (R2)."""

    def read(self, document: Document, context: ReadContext, /) -> Iterator[Item]:
        """Read the records in a document of this shape."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """The reader's position in a message.

    Attributes:
        dispatch: reads a JSON value of any shape.
        budget: how many bytes may still be decompressed.
        numbers: numbers the elements of the message from 0; ``None`` while the whole message is one element.
        shape: the name of the outermost shape, under which records are counted.
        wrappers: how many shapes are around this position.
        envelopes: how many of these shapes are envelopes of forwarders (R8).
    """

    dispatch: Callable[[Any, ReadContext], Iterator[Item]]
    budget: SizeBudget
    numbers: Iterator[int] | None = None
    shape: str | None = None
    wrappers: int = 0
    envelopes: int = 0

    def elements(self) -> ReadContext:
        """Return the context for several elements, numbered in reading order across the message (R4)."""
        return self if self.numbers is not None else replace(self, numbers=count())

    def document(self, value: Any) -> Iterator[Item]:
        """Read a JSON value inside this shape."""
        if self.wrappers == _MOST_WRAPPERS:
            yield self.unknown("wrapped too many times", value)
            return
        # Not by dataclasses.replace, which takes a tenth of the time to read a record.
        inner = ReadContext(self.dispatch, self.budget, self.numbers, self.shape, self.wrappers + 1, self.envelopes)
        yield from self.dispatch(value, inner)

    def under(self, shape: str) -> ReadContext:
        """Return the context for a document of this shape; the name of the outermost shape stays."""
        if self.shape is not None:
            return self
        return ReadContext(self.dispatch, self.budget, self.numbers, shape, self.wrappers, self.envelopes)

    def message(self, value: bytes) -> Iterator[Item]:
        """Read bytes as a message: compressed or not, in any encoding, with or without a schema's id (R1, R8)."""
        try:
            content = self.budget.unpack(value)
        except TooLargeError as error:
            yield self.unreadable("too-large", str(error), value)
        except CorruptError as error:
            yield from self._whole_members(value, str(error))
        else:
            yield from self.unpacked(content, value)

    def unpacked(self, content: bytes, value: bytes) -> Iterator[Item]:
        """Read the decompressed bytes of a message; ``value`` is the message as it came."""
        try:
            text = to_utf8(without_schema_id(content))
        except NotTextError as error:
            yield from self._whole_members(value, str(error))
        else:
            yield from self.text(text)

    def _whole_members(self, value: bytes, error: str) -> Iterator[Item]:
        """Read the whole members of damaged gzip (R7); without a whole member the value is malformed."""
        try:
            spans = self.budget.spans(value)
        except TooLargeError:
            spans = []
        if not spans:
            yield self.unreadable("malformed", error, value)
            return
        elements = self.elements()
        for span in spans:
            if span.content is None:
                yield elements.unreadable("malformed", error, span.stored)
                continue
            try:
                text = to_utf8(span.content)
            except NotTextError as no_text:
                yield elements.unreadable("malformed", str(no_text), span.stored)
            else:
                yield from elements.text(text)

    def text(self, text: bytes | str) -> Iterator[Item]:
        """Read the text of a message, or text inside a shape; blank text holds no record (R5)."""
        encoded = _bare(text.encode("utf-8") if isinstance(text, str) else text)
        if not encoded:
            yield self.passed_over("an empty value")
            return
        try:
            value = json_text.parse_plain(encoded)
        except ValueError:
            yield from self._documents(encoded)
        else:
            yield from self.document(value)

    def _documents(self, text: bytes) -> Iterator[Item]:
        """Read several documents behind each other, or one that is unusual, cut or damaged."""
        pieces = documents.pieces(text)
        beginning = tuple(islice(pieces, 2))
        if len(beginning) == 1 and beginning[0].damaged is None:
            yield from self.document(beginning[0].value)
        elif not any(map(_may_hold_records, chain(beginning, islice(documents.pieces(text), MOST_UNREADABLE)))):
            yield self.unreadable("malformed", _error(text), text)
        else:
            elements = self.elements()
            for piece in chain(beginning, pieces):
                if piece.damaged is None:
                    yield from elements.document(piece.value)
                else:
                    yield elements.unreadable("malformed", _error(piece.damaged), piece.damaged)

    def record(
        self, fields: Document, source: Document | None = None, bodies: tuple[Document, ...] | None = None
    ) -> Record:
        """Return a record.

        Args:
            fields: the record under CloudTrail's names.
            source: the element that it was read from, if that is not the record itself.
            bodies: the objects of an Elastic document after ingest that it was read from.
        """
        return Record(fields, fields if source is None else source, self.shape or "record", self._number(), bodies)

    def passed_over(self, reason: str) -> PassedOver:
        """Return an element that is known to hold no record (R5)."""
        return PassedOver(reason, self._number())

    def unknown(self, error: str, element: Any) -> Unreadable:
        """Return valid JSON of no known shape (R6)."""
        return self.unreadable("unknown-shape", error, element)

    def unreadable(self, reason: str, error: str, element: Any) -> Unreadable:
        """Return an element that cannot be read; ``element`` is bytes as they came, or a JSON value."""
        number = self._number()
        if number is None:
            return Unreadable(reason, error)
        return Unreadable(reason, error, number, element if isinstance(element, bytes) else json_text.to_bytes(element))

    def _number(self) -> int | None:
        return None if self.numbers is None else next(self.numbers)


def _bare(text: bytes) -> bytes:
    return text.strip(_BLANKS).removeprefix(codecs.BOM_UTF8).strip(_BLANKS)


def _may_hold_records(piece: documents.Piece) -> bool:
    """Whether a piece may hold records. Noise may contain numbers and words, so these do not count."""
    match piece.value:
        case dict():
            return True
        case str(text):
            return text.lstrip().startswith(("{", "["))
        case list(elements):
            return bool(elements)
    return False


def _error(text: bytes) -> str:
    try:
        json_text.parse(text)
    except json_text.MalformedJsonError as error:
        return str(error)
    return "JSON that is not a document by itself"
