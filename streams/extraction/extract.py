"""From a record to sightings: which rules take it, and what each of them makes of it (U3).

Rules:
- A rule's query alone decides whether it takes a record; only Insight and network activity events are never taken.
- Each record costs one look-up of its event. Only a record that some rule may take is read further.
- A look at all of its text redacts nearly every record, before queries are asked. The others are redacted text by text,
  and only if a query takes them.
- Fields are read from the redacted record, so that no text of a sighting can hold a session token (T7).
- What a record gives for one rule does not depend on the other rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from streams.content.json_text import TooDeepError
from streams.content.redaction.redact import redact
from streams.content.redaction.redact_quickly import redact_quickly
from streams.extraction.call import Call, RedactedRecord
from streams.extraction.first_look import FirstLook
from streams.extraction.passed_over import why_no_candidate, why_not_taken, why_without_sighting
from streams.extraction.taking import take
from streams.fields.catalogue import field_named
from streams.fields.values import text_of
from streams.fields.view import FieldSettings, RecordView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.extraction.record import Record
    from streams.extraction.sighting import Origin
    from streams.extraction.taking import Taken, WasSent
    from streams.fields.view import View
    from streams.rules.rule_set import CompiledRule, RuleSet

MAX_MESSAGE_SIZE = 64 * 1024 * 1024
"""The default bound of a message in bytes, decompressed (R3)."""

_CATEGORY, _TYPE = field_named("eventCategory"), field_named("eventType")


@dataclass(frozen=True, slots=True)
class ExtractSettings(FieldSettings):
    """The settings of extraction, and those that fields depend on.

    Attributes:
        clock: ``event``, or ``record`` for the Kafka timestamp (M4, T5).
        max_message_size: the bound of a message in bytes, decompressed (R3).
        follow_sessions: whether the actions of root sessions are taken too (S1, S2).
    """

    clock: Literal["event", "record"] = "event"
    max_message_size: int = MAX_MESSAGE_SIZE
    follow_sessions: bool = False


class Extracted(NamedTuple):
    """What a record gives.

    Attributes:
        taken: what each rule that takes it makes of it, by rule id.
        passed_over: why there is no sighting and nothing incomplete, in words; ``None`` if there is some.
    """

    taken: Sequence[Taken] = ()
    passed_over: str | None = None


def extract(
    record: Record,
    rules: RuleSet,
    extract_settings: ExtractSettings,
    origin: Origin | None,
    was_sent: WasSent | None = None,
) -> Extracted:
    """Return what the rules make of a record.

    Args:
        record: the record.
        rules: the rules.
        extract_settings: the settings.
        origin: the position in Kafka that the record comes from; ``None`` for files.
        was_sent: says which sightings need not be made (U7); ``None`` names none.

    Raises:
        TooDeepError: a rule takes the record, and it is nested too deeply to be redacted.
    """
    fields = record.fields
    provider, action = fields.get("eventSource"), fields.get("eventName")
    candidates: Sequence[CompiledRule] | None = None
    if isinstance(provider, str) and isinstance(action, str) and record.document is None:
        candidates = rules.candidates_of(provider, action)  # nearly every record has none, so this is the fast way
        if not candidates:
            return Extracted((), why_no_candidate(provider, action, rules))
        if text_of(provider) is None or text_of(action) is None:
            candidates = None
    judged = _judge(record, rules, extract_settings, candidates)
    if isinstance(judged, str):
        return Extracted((), judged)
    call = Call(judged.record, extract_settings, origin)
    taken = [take(call, rule, was_sent) for rule in judged.takers]
    for one in taken:
        if one.sightings or one.refreshed or one.incomplete is not None:
            return Extracted(taken)
    return Extracted(taken, why_without_sighting(taken))


class _Judged(NamedTuple):
    """A record that rules take."""

    record: RedactedRecord
    takers: Sequence[CompiledRule]


def _judge(
    record: Record, rules: RuleSet, settings: FieldSettings, candidates: Sequence[CompiledRule] | None
) -> _Judged | str:
    """Return the rules that take a record, and the record as they see it; why there is none, in words."""
    fields = record.fields
    view = RecordView(fields, record.document, settings)
    if candidates is None:
        candidates = rules.candidates(view)
    if not candidates:
        return why_no_candidate(fields.get("eventSource"), fields.get("eventName"), rules)
    category, kind = fields.get("eventCategory"), fields.get("eventType")
    plain = isinstance(category, str | None) and isinstance(kind, str | None) and record.document is None
    reason = _why_no_call((category,), (kind,)) if plain else _why_no_call(view.values(_CATEGORY), view.values(_TYPE))
    if reason is not None:
        return reason
    redacted = _redacted_quickly(record, view, settings)
    if redacted is None:
        return _judge_slowly(record, rules, settings, view)
    if takers := _takers(candidates, redacted.view):
        return _Judged(redacted, takers)
    return why_not_taken(fields, candidates)


def _judge_slowly(record: Record, rules: RuleSet, settings: FieldSettings, view: RecordView) -> _Judged | str:
    """As ``_judge``, of a record with candidates that has to be redacted text by text."""
    look = FirstLook(record, view)
    candidates = rules.candidates(look)
    takers = _takers(candidates, look)
    if takers or not look.is_certain:
        try:
            redacted = _redacted(record, view, settings)
        except TooDeepError:
            if takers:
                raise
            return why_not_taken(record.fields, candidates)
        if not look.is_certain and redacted.view is not view:
            takers = _takers(rules.candidates(redacted.view), redacted.view)
        if takers:
            return _Judged(redacted, takers)
    return why_not_taken(record.fields, candidates)


def _takers(candidates: Sequence[CompiledRule], view: View) -> list[CompiledRule]:
    return [rule for rule in candidates if rule.matches(view)]


def _redacted_quickly(record: Record, view: RecordView, settings: FieldSettings) -> RedactedRecord | None:
    """As ``_redacted``; ``None`` if a look at all of the record's text does not tell what to replace."""
    quick = redact_quickly(record.source)
    if quick is None:
        return None
    source, written = quick
    is_changed = source is not record.source
    if record.fields is record.source and record.document is None:  # nearly every record
        if is_changed:
            view = RecordView(source, None, settings)
        return RedactedRecord(source, source, view, is_changed, written)
    of_fields, document = redact_quickly(record.fields), record.document
    if of_fields is None or (document is not None and any(body is not record.source for body in document)):
        return None
    fields = of_fields.value
    if is_changed or fields is not record.fields:
        view = RecordView(fields, document if document is None else (source,) * len(document), settings)
    return RedactedRecord(fields, source, view, is_changed, written)


def _redacted(record: Record, view: RecordView, settings: FieldSettings) -> RedactedRecord:
    """Return a record without session tokens; ``view`` is the view of it as it is."""
    source = redact(record.source)
    is_changed = source is not record.source
    if record.fields is record.source and record.document is None:
        if is_changed:
            view = RecordView(source, None, settings)
        return RedactedRecord(source, source, view, is_changed)
    fields, document = redact(record.fields), record.document
    if document is not None:
        document = tuple(source if body is record.source else redact(body) for body in document)
    return RedactedRecord(fields, source, RecordView(fields, document, settings), is_changed)


def _why_no_call(category: Sequence[str | None], kind: Sequence[str | None]) -> str | None:
    """Return in words why a record of this category and type reports no call; ``None`` if it does (T2)."""
    # CloudTrail Insights reports an unusual rate of calls under the call's own name and source (R5).
    if "Insight" in category or "AwsCloudTrailInsight" in kind:
        return "an Insight event, not a call"
    # A VPC endpoint writes such a record of a call, beside the record of the call itself.
    if "NetworkActivity" in category or "AwsVpceEvent" in kind:
        return "a network activity event, not a call"
    return None
