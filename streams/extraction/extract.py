"""From a record to sightings: which rules take it, and what each of them makes of it (U3).

Rules:
- A rule's query alone decides whether it takes a record; only Insight and network activity events are never taken.
- Each record costs one look-up of its event. Only a record that some rule may take is redacted and read further.
- Fields are read from the redacted record, so that no text of a sighting can hold a session token (T7).
- What a record gives for one rule does not depend on the other rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from streams.content.redaction import redact
from streams.extraction.call import Call
from streams.extraction.passed_over import why_no_candidate, why_not_taken, why_without_sighting
from streams.extraction.taking import take
from streams.fields.catalogue import field_named
from streams.fields.view import FieldSettings, RecordView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.extraction.record import Record
    from streams.extraction.sighting import Origin
    from streams.extraction.taking import Taken
    from streams.fields.view import NetworkLookup, View
    from streams.rules.rule_set import CompiledRule, RuleSet

MAX_MESSAGE_SIZE = 64 * 1024 * 1024
"""The default bound of a message in bytes, decompressed (R3)."""

_CATEGORY, _TYPE = field_named("eventCategory"), field_named("eventType")


@dataclass(frozen=True, slots=True)
class ExtractSettings:
    """The settings of extraction.

    Attributes:
        principal: ``arn`` or ``issuer`` (T3).
        member_account: ``target`` or ``resources`` (T4).
        clock: ``event``, or ``record`` for the Kafka timestamp (M4, T5).
        max_message_size: the bound of a message in bytes, decompressed (R3).
        follow_sessions: whether the actions of root sessions are taken too (S1, S2).
        networks: looks up the networks of source addresses; ``None`` without a database.
    """

    principal: Literal["arn", "issuer"] = "arn"
    member_account: Literal["target", "resources"] = "target"
    clock: Literal["event", "record"] = "event"
    max_message_size: int = MAX_MESSAGE_SIZE
    follow_sessions: bool = False
    networks: NetworkLookup | None = None

    def field_settings(self) -> FieldSettings:
        """Return the settings that fields depend on."""
        return FieldSettings(self.principal, self.member_account, self.networks)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a record gives.

    Attributes:
        taken: what each rule that takes it makes of it, by rule id.
        passed_over: why there is no sighting and nothing incomplete, in words; ``None`` if there is some.
    """

    taken: tuple[Taken, ...] = ()
    passed_over: str | None = None


def extract(record: Record, rules: RuleSet, extract_settings: ExtractSettings, origin: Origin | None) -> Extracted:
    """Return what the rules make of a record.

    Args:
        record: the record.
        rules: the rules.
        extract_settings: the settings.
        origin: the position in Kafka that the record comes from; ``None`` for files.

    Raises:
        TooDeepError: the record is nested too deeply to be redacted.
    """
    candidates = _candidates(record, rules, extract_settings)
    if not candidates:
        return Extracted(passed_over=why_no_candidate(record.fields, rules))
    source = redact(record.source)
    fields: Mapping[str, Any] = source if record.fields is record.source else redact(record.fields)
    view = RecordView(fields, _bodies(record, source), extract_settings.field_settings())
    if source is not record.source:
        candidates = rules.candidates(view)
    if (reason := _why_no_call(view)) is not None:
        return Extracted(passed_over=reason)
    takers = [rule for rule in candidates if rule.matches(view)]
    if not takers:
        return Extracted(passed_over=why_not_taken(fields, candidates))
    call = Call(fields, source, view, extract_settings, origin, is_redacted=source is not record.source)
    taken = tuple(take(call, rule) for rule in takers)
    if any(one.sightings or one.incomplete is not None for one in taken):
        return Extracted(taken)
    return Extracted(taken, why_without_sighting(taken))


def _candidates(record: Record, rules: RuleSet, extract_settings: ExtractSettings) -> Sequence[CompiledRule]:
    """Return the rules that may take the record. Nearly every record has none, so this is the fast way for those."""
    if record.document is None:
        provider, action = record.fields.get("eventSource"), record.fields.get("eventName")
        if isinstance(provider, str) and isinstance(action, str):
            return rules.candidates_of(provider, action)
    return rules.candidates(RecordView(record.fields, record.document, extract_settings.field_settings()))


def _bodies(record: Record, source: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...] | None:
    if record.document is None:
        return None
    return tuple(source if body is record.source else redact(body) for body in record.document)


def _why_no_call(view: View) -> str | None:
    """Return in words why the record reports no call; ``None`` if it does (T2)."""
    category, kind = view.values(_CATEGORY), view.values(_TYPE)
    # CloudTrail Insights reports an unusual rate of calls under the call's own name and source (R5).
    if "Insight" in category or "AwsCloudTrailInsight" in kind:
        return "an Insight event, not a call"
    # A VPC endpoint writes such a record of a call, beside the record of the call itself.
    if "NetworkActivity" in category or "AwsVpceEvent" in kind:
        return "a network activity event, not a call"
    return None
