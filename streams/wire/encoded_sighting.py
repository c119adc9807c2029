"""A sighting in its bytes: what each decision needs is decoded, the rest only if it is asked for.

Most of a sighting only passes into its alert, and there as the same bytes (``spliced_alert``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastavro.schema import expand_schema
from msgspec import Struct

from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Sighting, Term
from streams.wire import sighting as codec
from streams.wire.generated.numbers import LENGTHS, length_at, number_at
from streams.wire.generated.reader import reader
from streams.wire.schemas import newest, without_logical_types

if TYPE_CHECKING:
    from streams.extraction.sighting import AnySighting


class Places(Struct, frozen=True, gc=False):
    """Where fields of a sighting begin in its bytes."""

    terms: int
    combination: int
    mapping_version: int
    principal: int
    member_account: int
    member_account_source: int
    identity_recorded_arn: int
    identity_account_id: int
    event_id: int
    event_time: int
    event_name: int
    event_shared_event_id: int
    event_region: int
    event_recipient_account_id: int
    event_target_principal: int
    record: int
    origin: int
    teaching: int


class EncodedEvent(Struct, frozen=True, gc=False):
    """The call of an encoded sighting; an ``AnyEvent``."""

    id: str
    time: int
    source_ip: str | None
    task_policy: str | None
    duration_seconds: int | None
    issued_access_key_id: str | None
    issued_expires_at: int | None
    data: bytes
    at: Places

    @property
    def name(self) -> str | None:
        """See ``Event``."""
        return _text_at(self.data, self.at.event_name)

    @property
    def recipient_account_id(self) -> str | None:
        """See ``Event``."""
        return _text_at(self.data, self.at.event_recipient_account_id)


class EncodedSighting(Struct, frozen=True, gc=False):
    """An ``AnySighting`` in its bytes, of the newest schema."""

    rule_id: str
    terms: tuple[Term, ...]
    principal: str | None
    member_account: str | None
    event: EncodedEvent
    teaching: bool
    data: bytes
    at: Places

    @property
    def identity_account_id(self) -> str | None:
        """See ``Sighting``."""
        return _text_at(self.data, self.at.identity_account_id)

    @property
    def record(self) -> str:
        """See ``Sighting``."""
        size, start = length_at(self.data, self.at.record)
        return self.data[start : start + size].decode()

    @property
    def values(self) -> tuple[str, ...]:
        """See ``Sighting``."""
        return tuple([term.value for term in self.terms])

    def time_by(self, clock: Literal["event", "record"]) -> int:
        """See ``Sighting``."""
        data, at = self.data, self.at.origin
        if clock == "event" or not data[at]:
            return self.event.time
        size, at = length_at(data, at + 1)
        _, at = number_at(data, at + size)
        _, at = number_at(data, at)
        timestamp, _ = number_at(data, at)
        return self.event.time if timestamp == NO_TIMESTAMP else timestamp

    def decoded(self) -> Sighting:
        """See ``AnySighting``."""
        return codec.decode(self.data)


_EVENT = [name for name in EncodedEvent.__struct_fields__ if name not in {"data", "at"}]
_read = reader(
    expand_schema(without_logical_types(newest("sighting"))),
    codec.CODEC.newest_header,
    read=("rule_id", "terms", "principal", "member_account", "teaching", *[f"event.{name}" for name in _EVENT]),
    makers={"Term": Term},
    result=(
        "Sighting(value_rule_id, value_terms, value_principal, value_member_account, "
        f"Event({', '.join(f'value_event_{name}' for name in _EVENT)}, data, "
        f"places := Places({', '.join(f'at_{name}' for name in Places.__struct_fields__)})), "
        "value_teaching, data, places)"
    ),
    Sighting=EncodedSighting,
    Event=EncodedEvent,
    Places=Places,
)


def read(data: bytes) -> AnySighting:
    """Return the sighting in these bytes.

    Raises:
        WireError: the bytes are not a sighting, or a newer version wrote them.
    """
    try:
        found: EncodedSighting = _read(data)
    except Exception:  # noqa: BLE001  whatever is odd is decoded at once, see ``generated``
        return codec.decode(data)
    return found


def _text_at(data: bytes, at: int) -> str | None:
    """Return the text at the place of a union of null and text."""
    if not data[at]:
        return None
    size, start = LENGTHS[data[at + 1]], at + 2
    if size < 0:
        size, start = length_at(data, at + 1)
    return data[start : start + size].decode()
