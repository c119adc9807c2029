"""What a sighting is: one record that a rule takes, with one value of each of the rule's terms (U3, U4).

The values are msgspec's structs, because they are made per record: a frozen dataclass of 16 fields takes 25 times as
long to make.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from streams.extraction.kafka_time import NO_TIMESTAMP


class AnyEvent(Protocol):
    """What a decision, its reason and its grant read of an ``Event``."""

    @property
    def id(self) -> str:
        """See ``Event``."""

    @property
    def time(self) -> int:
        """See ``Event``."""

    @property
    def name(self) -> str | None:
        """See ``Event``."""

    @property
    def source_ip(self) -> str | None:
        """See ``Event``."""

    @property
    def recipient_account_id(self) -> str | None:
        """See ``Event``."""

    @property
    def task_policy(self) -> str | None:
        """See ``Event``."""

    @property
    def duration_seconds(self) -> int | None:
        """See ``Event``."""

    @property
    def issued_access_key_id(self) -> str | None:
        """See ``Event``."""

    @property
    def issued_expires_at(self) -> int | None:
        """See ``Event``."""


class AnySighting(Protocol):
    """A sighting that may not be decoded yet: what a decision, its reason and its grant read of it."""

    @property
    def rule_id(self) -> str:
        """See ``Sighting``."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """See ``Sighting``."""

    @property
    def principal(self) -> str | None:
        """See ``Sighting``."""

    @property
    def member_account(self) -> str | None:
        """See ``Sighting``."""

    @property
    def event(self) -> AnyEvent:
        """See ``Sighting``."""

    @property
    def identity_account_id(self) -> str | None:
        """See ``Sighting``."""

    @property
    def record(self) -> str:
        """See ``Sighting``."""

    @property
    def teaching(self) -> bool:
        """See ``Sighting``."""

    @property
    def values(self) -> tuple[str, ...]:
        """See ``Sighting``."""

    def time_by(self, clock: Literal["event", "record"]) -> int:
        """See ``Sighting``."""

    def decoded(self) -> Sighting:
        """Return all of it."""


class Origin(Struct, frozen=True, gc=False):
    """The position of a message in Kafka.

    Attributes:
        topic: the topic.
        partition: the partition.
        offset: the offset.
        timestamp: Kafka's, in milliseconds since the epoch; ``NO_TIMESTAMP`` (-1) if the message has none.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int

    @property
    def has_timestamp(self) -> bool:
        """Whether the message has a Kafka timestamp."""
        return self.timestamp != NO_TIMESTAMP


class Identity(Struct, frozen=True, gc=False):
    """The caller's identity, from CloudTrail's ``userIdentity``. Every field may be missing."""

    recorded_arn: str | None = None
    type: str | None = None
    account_id: str | None = None
    user_name: str | None = None
    session_issuer_arn: str | None = None
    session_name: str | None = None
    access_key_id: str | None = None
    mfa_authenticated: bool | None = None
    source_identity: str | None = None


class Resource(Struct, frozen=True, gc=False):
    """One entry of CloudTrail's ``resources``."""

    arn: str | None = None
    type: str | None = None
    account_id: str | None = None


class Event(Struct, frozen=True, gc=False):
    """The call. Times are milliseconds since the epoch, UTC; ``id`` is the event id of T6."""

    id: str
    time: int
    name: str | None = None
    shared_event_id: str | None = None
    region: str | None = None
    source_ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    recipient_account_id: str | None = None
    task_policy: str | None = None
    target_principal: str | None = None
    target_policy: str | None = None
    duration_seconds: int | None = None
    resources: tuple[Resource, ...] = ()
    issued_access_key_id: str | None = None
    issued_expires_at: int | None = None


class Term(Struct, frozen=True, gc=False):
    """One of the values that must be new together.

    Attributes:
        field: the field's name, as the rule writes it.
        value: the value as text (U4).
    """

    field: str
    value: str


class Sighting(Struct, frozen=True, gc=False):
    """One record that a rule takes, with one combination of the values of its terms.

    Attributes:
        rule_id: the rule that takes the record.
        terms: in the rule's order; the first one is the group, which has the cap and the count of others (U5).
        combination: its index among the combinations of the record's values, from 0.
        mapping_version: the version of the field mapping that the values were read with (U2).
        principal: T3; ``None`` if the record has none.
        member_account: T4, twelve digits; ``None`` unless it is a term.
        member_account_source: ``target`` or ``resources``; ``None`` without a member account.
        identity: the recorded identity.
        event: the call.
        record: the source record, redacted (T7), as canonical JSON text.
        origin: its position in Kafka; ``None`` for files.
        teaching: whether it only teaches and never alerts, as a sighting of ``warm-up`` does.
    """

    rule_id: str
    terms: tuple[Term, ...]
    combination: int
    mapping_version: int
    principal: str | None
    member_account: str | None
    member_account_source: str | None
    identity: Identity
    event: Event
    record: str
    origin: Origin | None = None
    teaching: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """The values of its terms, in the rule's order."""
        return tuple([term.value for term in self.terms])  # a list, because it is made for each sighting several times

    @property
    def identity_account_id(self) -> str | None:
        """The account of its identity."""
        return self.identity.account_id

    def time_by(self, clock: Literal["event", "record"]) -> int:
        """Return its time by this clock (M4), in milliseconds since the epoch.

        Without a Kafka timestamp, as in a file, the time is that of the event by either clock.
        """
        if clock == "event" or self.origin is None or not self.origin.has_timestamp:
            return self.event.time
        return self.origin.timestamp

    def decoded(self) -> Sighting:
        """Return itself: see ``AnySighting``."""
        return self
