"""Encodes and decodes the values of one subject without dicts between them and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streams.wire.single_object import MAGIC, SingleObjectCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

V = TypeVar("V")


class ValueCodec(Generic[V]):
    """Encodes and decodes values that have the fields of the newest schema.

    What is odd, what an older schema wrote, and what must be written in one, goes by way of dicts and fastavro.

    Args:
        subject: the subject.
        makers: the struct, dataclass or named tuple of each record, by the last part of its name.
        to_datum: the fields of a value as Avro takes them.
        from_datum: the value of such fields.
    """

    def __init__(
        self,
        subject: str,
        makers: Mapping[str, type],
        to_datum: Callable[[V], Mapping[str, Any]],
        from_datum: Callable[[dict[str, Any]], V],
    ) -> None:
        self._codec = SingleObjectCodec.of(subject)
        self._makers = makers
        self._to_datum, self._from_datum = to_datum, from_datum
        self._encode: Callable[[V], bytes] | None = None
        self._decode: Callable[[bytes], V] | None = None

    @property
    def writes_newest(self) -> bool:
        """Whether the newest schema is the one that is written."""
        return self._codec.writes_newest

    @property
    def header(self) -> bytes:
        """What the bytes begin with that are written."""
        return self._codec.header

    @property
    def newest_header(self) -> bytes:
        """What the bytes begin with that are of the newest schema."""
        return MAGIC + self._codec.fingerprint

    def encode(self, value: V) -> bytes:
        """Return the bytes of a value; raises as ``SingleObjectCodec.encode``."""
        if self._codec.writes_newest:
            if self._encode is None:
                self._encode = self._codec.encoder(of_dicts=False)
            try:
                return self._encode(value)
            except Exception:  # noqa: BLE001, S110  whatever is odd is left to fastavro, see ``generated``
                pass
        return self.encode_carefully(value)

    def encode_carefully(self, value: V) -> bytes:
        """Encode as ``encode`` does, by fastavro."""
        return self._codec.encode_carefully(self._to_datum(value))

    def decode(self, data: bytes) -> V:
        """Return the value of these bytes; raises as ``SingleObjectCodec.decode``."""
        if self._decode is None:
            self._decode = self._codec.decoder(self._makers)
        try:
            return self._decode(data)
        except Exception:  # noqa: BLE001  whatever is odd is left to fastavro, see ``generated``
            return self.decode_carefully(data)

    def decode_carefully(self, data: bytes) -> V:
        """Decode as ``decode`` does, by fastavro."""
        return self._from_datum(self._codec.decode_carefully(data))
