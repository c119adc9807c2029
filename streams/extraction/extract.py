"""From a record to sightings: what is the rule's event, what is a success, and what are the terms (T1 to T6).

Rules:
- A record of another event, or of a refused call, is passed over, with the reason.
- A success without a principal, a member account or a readable time is incomplete: it neither alerts nor teaches, and
  is never lost (T5).
- Everything else is optional (``details.py``).
- Fields are read from the redacted record, so that no text of the sighting can hold a session token (T7).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from streams.content import json_text
from streams.content.redaction import redact
from streams.extraction.details import event, identity
from streams.extraction.event_time import parse_time
from streams.extraction.kafka_time import explain_odd_timestamp
from streams.extraction.record import PassedOver
from streams.extraction.sighting import Sighting, Term
from streams.fields import terms
from streams.fields.lookup import text_at
from streams.fields.mapping import MAPPING_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.extraction.record import Record
    from streams.extraction.sighting import Origin
    from streams.rules.rule import Rule

MAX_MESSAGE_SIZE = 64 * 1024 * 1024
"""The default bound of a message in bytes, decompressed (R3)."""

_DAY = 86_400_000
_MOST_SHOWN = 100

LONGEST_PRINCIPAL = 16_384
"""The longest principal that is accepted, in characters; IAM's ARNs have at most 2,048.

A principal is part of keys, where one character may take twelve bytes, and topics and tables bound the size of a key.
"""


@dataclass(frozen=True, slots=True)
class ExtractSettings:
    """The settings of extraction.

    Attributes:
        principal: ``arn`` or ``issuer`` (T3).
        member_account: ``target`` or ``resources`` (T4).
        clock: ``event``, or ``record`` for the Kafka timestamp (M4, T5).
        max_message_size: the bound of a message in bytes, decompressed (R3).
        follow_sessions: whether the actions of root sessions are taken too (S1, S2).
    """

    principal: Literal["arn", "issuer"] = "arn"
    member_account: Literal["target", "resources"] = "target"
    clock: Literal["event", "record"] = "event"
    max_message_size: int = MAX_MESSAGE_SIZE
    follow_sessions: bool = False


@dataclass(frozen=True, slots=True)
class Partial:
    """The known values of an incomplete success; ``event_time`` is in milliseconds since the epoch."""

    principal: str | None
    member_account: str | None
    event_id: str
    event_time: int | None
    task_policy: str | None
    issued_access_key_id: str | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A success without a value that a sighting needs (T5).

    Attributes:
        error: what is missing or wrong, in words.
        partial: the known values.
        record: the source record, redacted, as canonical JSON text.
        redacted: whether anything in it was replaced.
    """

    error: str
    partial: Partial
    record: str
    redacted: bool


def extract_sightings(
    record: Record, rule: Rule, extract_settings: ExtractSettings, origin: Origin | None
) -> tuple[Sighting, ...] | PassedOver | Incomplete:
    """Return the sightings of a record, one per member account; nearly every record has one account (T4).

    Args:
        record: the record.
        rule: the rule whose event is looked for.
        extract_settings: the settings.
        origin: the position in Kafka that the record comes from; ``None`` for files.

    Raises:
        TooDeepError: the record is nested too deeply to be redacted.
    """
    if (reason := why_not(record.fields, rule)) is not None:
        return PassedOver(reason)
    source = redact(record.source)
    fields: Mapping[str, Any] = source if record.fields is record.source else redact(record.fields)
    text = json_text.canonical(source)
    principal = terms.principal(fields, extract_settings.principal)
    accounts, accounts_from = terms.member_accounts(fields, extract_settings.member_account)
    event_time = parse_time(fields.get("eventTime"))
    details = event(fields, event_id(fields, text), event_time or 0)  # without a time it comes to nothing
    problems = list(_problems(principal, accounts, event_time, extract_settings, origin))
    if problems or principal is None:
        partial = Partial(
            principal,
            next(iter(accounts), None),
            details.id,
            event_time,
            details.task_policy,
            details.issued_access_key_id,
        )
        return Incomplete("; ".join(problems), partial, text, source is not record.source)
    who = identity(fields, principal)
    return tuple(
        Sighting(
            rule.id,
            (Term("rootwatch.principal", principal), Term("rootwatch.member_account", account)),
            index,
            MAPPING_VERSION,
            principal,
            account,
            accounts_from,
            who,
            details,
            text,
            origin,
        )
        for index, account in enumerate(accounts)
    )


def why_not(fields: Mapping[str, Any], rule: Rule) -> str | None:
    """Return in words why a record is not a success of the rule's event (T1, T2); ``None`` if it is one."""
    if fields.get("eventName") != rule.event_name:
        return f"eventName is {_shown(fields.get('eventName'))}, not {rule.event_name}"
    if fields.get("eventSource") != rule.event_source:
        return f"eventSource is {_shown(fields.get('eventSource'))}, not {rule.event_source}"
    # CloudTrail Insights reports an unusual rate of calls under the call's own name and source (R5).
    if fields.get("eventCategory") == "Insight" or fields.get("eventType") == "AwsCloudTrailInsight":
        return "an Insight event, not a call"
    # A VPC endpoint writes such a record of a call, beside the record of the call itself.
    if fields.get("eventCategory") == "NetworkActivity" or fields.get("eventType") == "AwsVpceEvent":
        return "a network activity event, not a call"
    for name in ("errorCode", "errorMessage"):
        if fields.get(name) not in (None, "", [], {}):
            return f"refused: {name} is {_shown(fields[name])}"
    return None


def event_id(fields: Mapping[str, Any], record: str) -> str:
    """Return the event's id; without one, the hash of ``record``, the redacted record as canonical JSON (T6)."""
    return text_at(fields, "eventID") or f"sha256:{hashlib.sha256(record.encode()).hexdigest()}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}…"
    return "missing" if value is None else f"of type {type(value).__name__}"


def _problems(
    principal: str | None,
    accounts: tuple[str, ...],
    event_time: int | None,
    extract_settings: ExtractSettings,
    origin: Origin | None,
) -> Iterator[str]:
    if principal is None:
        yield "no principal"
    elif len(principal) > LONGEST_PRINCIPAL:
        yield f"the principal is longer than {LONGEST_PRINCIPAL:,} characters"
    if not accounts:
        yield "no member account"
    if event_time is None:
        yield "no readable eventTime"
    if origin is None:
        return
    if extract_settings.clock == "record":
        if not origin.has_timestamp:
            yield 'no Kafka timestamp, which is the time where clock = "record"'
    elif event_time is not None and origin.has_timestamp and event_time > origin.timestamp + _DAY:
        odd = explain_odd_timestamp(origin.timestamp)
        yield f"eventTime is more than a day after the Kafka timestamp{f', which is {odd}' if odd else ''}"
