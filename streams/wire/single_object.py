"""Avro single-object encoding: bytes that carry the fingerprint of the schema that wrote them.

Rules (Apache Avro specification 1.12, "Single-object encoding" and "Schema Fingerprints"):

- A value is ``C3 01``, the eight bytes of its writer schema's CRC-64-AVRO fingerprint in little-endian order, and the
  body in Avro's binary encoding. Nothing follows the body.
- The fingerprint is that of the schema's Parsing Canonical Form, which knows no docs, defaults or logical types. It is
  taken from fastavro, whose form agrees with the specification; avro 1.12's ``fingerprint()`` leaves
  ``{"type": "long"}`` unfolded where a logical type stood, and differs.
- A codec writes one schema of its subject and reads all that it is given, by resolution to the newest. What is written
  may be older than the newest (``versions.py``): then fields that it lacks are left out. A fingerprint that the codec
  does not know was written by a newer version: it is refused by name, never guessed.
- Timestamps are integers, milliseconds since the epoch: the codec works without logical types, as the bytes do.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import fingerprint as fastavro_fingerprint
from fastavro.schema import to_parsing_canonical_form

from streams import __version__
from streams.errors import OperatorError
from streams.wire.schemas import newest, released, without_logical_types, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAGIC = b"\xc3\x01"
_HEADER_LENGTH = len(MAGIC) + 8
# What fastavro raises when a body is cut, is none of the schema's, or the reader's schema cannot take the writer's.
_BODY_ERRORS = (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError, SchemaResolutionError)


class WireError(ValueError):
    """Bytes that this version cannot read; the message says what they are and what to do."""


class UnknownSchemaError(WireError, OperatorError):
    """A value whose fingerprint belongs to no schema that this version reads.

    Attributes:
        fingerprint: the value's eight fingerprint bytes as hex digits, in the order in which they are stored.
    """

    def __init__(self, name: str, fingerprint: str) -> None:
        super().__init__(
            f"{name} with schema fingerprint {fingerprint}: rootwatch {__version__} knows no such schema, so a newer "
            "version of rootwatch wrote it; install the version that the newest worker runs, or the first that reads "
            f'{fingerprint} (docs/operations.md of the newest version, "Schema versions")'
        )
        self.fingerprint = fingerprint


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """The schema's CRC-64-AVRO fingerprint: eight bytes, in the order in which single-object encoding stores them."""
    # fastavro gives the digits of the little-endian bytes, not of the number.
    return bytes.fromhex(fastavro_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def decode_body(body: bytes, name: str, writer: Any, reader: Any = None) -> dict[str, Any]:
    """Decodes a bare Avro body that must be used up to its last byte.

    Args:
        body: the record in Avro's binary encoding.
        name: what the value is, for the error.
        writer: the parsed schema that wrote it.
        reader: the parsed schema to resolve to; the writer's own if ``None``.

    Raises:
        WireError: the body is cut, too long or not of this schema.
    """
    stream = BytesIO(body)
    try:
        datum: dict[str, Any] = fastavro.schemaless_reader(stream, writer, reader)
    except _BODY_ERRORS as error:
        raise WireError(f"{name} cannot be decoded: {type(error).__name__}: {error}") from error
    if stream.tell() != len(body):
        raise WireError(f"{name} cannot be decoded: {len(body) - stream.tell()} bytes follow it")
    return datum


class SingleObjectCodec:
    """Encodes and decodes the records of one subject.

    Args:
        schema: the newest schema: what everything read is resolved to, and what ``encode`` takes.
        readable: the other schemas that are read; the newest may be among them.
        written: the schema that is written; the newest if ``None``.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        readable: Iterable[Mapping[str, Any]] = (),
        written: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = f"{schema['namespace']}.{schema['name']}"
        self.fingerprint = fingerprint(schema)
        self._schema = _parsed(schema)
        self._readable = {fingerprint(one): _parsed(one) for one in readable}
        written_fingerprint = fingerprint(written or schema)
        self._header = MAGIC + written_fingerprint
        self._written = None if written_fingerprint == self.fingerprint else _parsed(written)

    @classmethod
    def of(cls, subject: str) -> SingleObjectCodec:
        """The codec of a shipped subject: ``alert``, ``sighting``, ``pair`` or ``bucket``."""
        return cls(newest(subject), released(subject), written(subject))

    def encode(self, datum: Mapping[str, Any]) -> bytes:
        """Encodes a record; every field of the newest schema must be there, and none besides.

        Raises:
            ValueError: a field is missing, is unknown or has a value outside its type.
            UnicodeEncodeError: a text is not Unicode (it holds a lone surrogate), so that UTF-8 cannot carry it.
        """
        written = self._schema if self._written is None else self._written
        return self._header + _body(written, self.as_written(datum))

    def as_written(self, datum: Mapping[str, Any]) -> Mapping[str, Any]:
        """The record with the written schema's fields alone: itself if that is the newest; raises as ``encode``."""
        if self._written is None:
            return datum
        return decode_body(_body(self._schema, datum), self.name, self._schema, self._written)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Decodes a record written with any readable schema.

        Raises:
            UnknownSchemaError: the schema that wrote it is none of these.
            WireError: these bytes are no single-object encoding, or cut, or too long.
        """
        if len(data) < _HEADER_LENGTH or not data.startswith(MAGIC):
            raise WireError(f"{self.name} expected in Avro single-object encoding, but the value is {_shown(data)}")
        writer = data[len(MAGIC) : _HEADER_LENGTH]
        body = data[_HEADER_LENGTH:]
        if writer == self.fingerprint:
            return decode_body(body, self.name, self._schema)
        if writer not in self._readable:
            raise UnknownSchemaError(self.name, writer.hex())
        return decode_body(body, self.name, self._readable[writer], self._schema)


def _parsed(schema: Any) -> Any:
    return fastavro.parse_schema(without_logical_types(schema))


def _body(schema: Any, datum: Mapping[str, Any]) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, datum, strict=True)
    return stream.getvalue()


def _shown(data: bytes) -> str:
    return f"{len(data)} bytes that start with {data[:_HEADER_LENGTH].hex()}" if data else "empty"
