"""Avro single-object encoding: bytes with the fingerprint of the schema that wrote them.

Rules (Apache Avro specification 1.12, "Single-object encoding" and "Schema Fingerprints"):

- A value is ``C3 01``, the eight bytes of its writer schema's CRC-64-AVRO fingerprint in little-endian order, and the
  body in Avro's binary encoding. Nothing follows the body.
- The fingerprint is that of the schema's Parsing Canonical Form, which has no docs, defaults or logical types. fastavro
  computes it by the specification. avro 1.12's ``fingerprint()`` differs: it keeps ``{"type": "long"}`` for a type that
  had a logical type.
- A codec writes one schema of its subject, and reads several, by resolution to the newest. The written schema may be
  older than the newest (``versions.py``): fields that are not in it are left out. An unknown fingerprint was written by
  a newer version: the value is refused by name, never guessed.
- Timestamps are milliseconds since the epoch: the codec uses no logical types.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import expand_schema, to_parsing_canonical_form
from fastavro.schema import fingerprint as fastavro_fingerprint

from streams import __version__
from streams.errors import OperatorError
from streams.wire.generated.decoder import decoder
from streams.wire.generated.encoder import encoder
from streams.wire.schemas import newest, released, without_logical_types, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAGIC = b"\xc3\x01"
_HEADER_LENGTH = len(MAGIC) + 8
_RECURRING = ("Rule",)  # the same in all alerts of the rule
# fastavro raises these if a body is cut or of another schema, or if the schemas of reader and writer do not match.
_BODY_ERRORS = (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError, SchemaResolutionError)


class WireError(ValueError):
    """This version cannot read the bytes; the message says what they are and what to do."""


class UnknownSchemaError(WireError, OperatorError):
    """This version reads no schema with the value's fingerprint.

    Attributes:
        fingerprint: the value's eight fingerprint bytes as hex digits, in stored order.
    """

    def __init__(self, name: str, fingerprint: str) -> None:
        super().__init__(
            f"{name} with schema fingerprint {fingerprint}: rootwatch {__version__} knows no such schema, so a newer "
            "version of rootwatch wrote it; install the version that the newest worker runs, or the first that reads "
            f'{fingerprint} (docs/operations.md of the newest version, "Schema versions")'
        )
        self.fingerprint = fingerprint


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """Return the schema's CRC-64-AVRO fingerprint: eight bytes, in the order of single-object encoding."""
    return _fingerprint_of(to_parsing_canonical_form(schema))


@cache  # the newest schema is among the released ones, and is the one that is written
def _fingerprint_of(canonical: str) -> bytes:
    # fastavro returns the digits of the little-endian bytes, not of the number.
    return bytes.fromhex(fastavro_fingerprint(canonical, "CRC-64-AVRO"))


def decode_body(body: bytes, name: str, writer: Any, reader: Any = None) -> dict[str, Any]:
    """Decode a bare Avro body.

    Args:
        body: the record in Avro's binary encoding.
        name: the value's name, for the error.
        writer: the parsed schema that wrote it.
        reader: the parsed schema to resolve to; ``None`` is the writer's.

    Raises:
        WireError: the body is cut, or is not of this schema, or bytes follow it.
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
        schema: the newest schema: values that are read are resolved to it, and ``encode`` takes its fields.
        readable: the other schemas that are read; the newest may be among them.
        written: the schema that is written; ``None`` is the newest.
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
        self.header = MAGIC + written_fingerprint
        self._written = None if written_fingerprint == self.fingerprint else _parsed(written)
        self._decode_newest: Callable[[bytes], dict[str, Any]] | None = None
        self._encode_newest: Callable[[Mapping[str, Any]], bytes] | None = None

    @classmethod
    def of(cls, subject: str) -> SingleObjectCodec:
        """Return the codec of a shipped subject: ``alert``, ``sighting``, ``pair`` or ``bucket``."""
        return cls(newest(subject), released(subject), written(subject))

    @property
    def writes_newest(self) -> bool:
        """Whether the newest schema is the one that is written."""
        return self._written is None

    def encoder(self, *, of_dicts: bool) -> Callable[[Any], bytes]:
        """Return the generated encoder of the newest schema, see ``generated``."""
        header = MAGIC + self.fingerprint
        return encoder(expand_schema(self._schema), header, of_dicts=of_dicts, recurring=_RECURRING)

    def decoder(self, makers: Mapping[str, type] | None = None) -> Callable[[bytes], Any]:
        """Return the generated decoder of the newest schema, see ``generated``."""
        return decoder(expand_schema(self._schema), MAGIC + self.fingerprint, makers)

    def encode(self, datum: Mapping[str, Any]) -> bytes:
        """Encode a record with exactly the fields of the newest schema.

        Raises:
            ValueError: a field is missing, is unknown or has a value outside its type.
            UnicodeEncodeError: a text holds a lone surrogate, which has no UTF-8 form.
        """
        if self._written is None:
            if self._encode_newest is None:
                self._encode_newest = self.encoder(of_dicts=True)
            try:
                return self._encode_newest(datum)
            except Exception:  # noqa: BLE001, S110  whatever is odd is left to fastavro, see ``generated``
                pass
        return self.encode_carefully(datum)

    def encode_carefully(self, datum: Mapping[str, Any]) -> bytes:
        """Encode as ``encode`` does, by fastavro."""
        written = self._schema if self._written is None else self._written
        return self.header + _body(written, self.as_written(datum))

    def as_written(self, datum: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the record with only the fields of the written schema; raises as ``encode``."""
        if self._written is None:
            return datum
        return decode_body(_body(self._schema, datum), self.name, self._schema, self._written)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Decode a record that was written with any readable schema.

        Raises:
            UnknownSchemaError: another schema wrote it.
            WireError: the bytes are not single-object encoding, or are cut, or bytes follow the record.
        """
        if self._decode_newest is None:
            self._decode_newest = self.decoder()
        try:
            return self._decode_newest(data)
        except Exception:  # noqa: BLE001  whatever is odd is left to fastavro, see ``generated``
            return self.decode_carefully(data)

    def decode_carefully(self, data: bytes) -> dict[str, Any]:
        """Decode as ``decode`` does, by fastavro."""
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
