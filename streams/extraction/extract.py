"""From a record to sightings: which rules take it, and what each of them makes of it (U3).

Rules:
- A rule's query alone decides whether it takes a record; only Insight and network activity events are never taken.
- Each record costs one look-up of its event. Only a record that some rule may take is read further.
- Queries are first asked of the record as it is. It is redacted only if a query takes it, or may take it then, and
  if a sighting has to be made (U7).
- A look at all of its text redacts nearly every record. The others are redacted text by text.
- Fields are read from the redacted record, so that no text of a sighting can hold a session token (T7). What is read
  before counts only where it is certain that redaction does not change it.
- What a record gives for one rule does not depend on the other rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from streams.content.json_text import TooDeepError
from streams.content.redaction.redact import redact
from streams.content.redaction.redact_quickly import redact_quickly
from streams.extraction.call import Call, RedactedRecord, time_of
from streams.extraction.first_look import is_certain, is_shallow
from streams.extraction.passed_over import why_no_candidate, why_not_taken, why_without_sighting
from streams.extraction.taking import take, take_sent
from streams.fields.catalogue import field_named
from streams.fields.values import NO_VALUES
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

_PROVIDER, _ACTION = field_named("event.provider"), field_named("event.action")
_CATEGORY, _TYPE = field_named("eventCategory"), field_named("eventType")
_USUAL_CATEGORIES = (None, "Management", "Data")
_USUAL_TYPES = (None, "AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn", "AwsConsoleAction")


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


class Extracted(Struct, frozen=True, gc=False):
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
    look = _look(record, rules, extract_settings)
    if isinstance(look, str):
        return Extracted((), look)
    time = time_of(record.fields, extract_settings, origin)
    if look.takers and was_sent is not None:
        sent = take_sent(look.view, time, look.takers, was_sent)
        if sent is not None and is_certain(record, look.view) and is_shallow(record):
            return Extracted(sent)
    judged = _judge(record, rules, look, extract_settings)
    if isinstance(judged, str):
        return Extracted((), judged)
    redacted, takers = judged
    call = Call(redacted, time, extract_settings, origin)
    taken = [take(call, rule, was_sent) for rule in takers]
    for one in taken:
        if one.sightings or one.refreshed or one.incomplete is not None:
            return Extracted(taken)
    return Extracted(taken, why_without_sighting(taken))


class _Look(Struct, frozen=True, gc=False):
    """A record as it is, and the rules that take it so. Redaction may change both."""

    view: RecordView
    candidates: Sequence[CompiledRule]
    takers: Sequence[CompiledRule]


def _look(record: Record, rules: RuleSet, settings: FieldSettings) -> _Look | str:
    """Look at a record that is not redacted; return why no rule can take it, in words, if that is known."""
    fields = record.fields
    provider, action = fields.get("eventSource"), fields.get("eventName")
    if (
        type(provider) is str
        and type(action) is str
        and record.document is None
        and provider not in NO_VALUES
        and action not in NO_VALUES
    ):
        event = rules.of_event(provider, action)
        if not event.rules:  # nearly every record
            return why_no_candidate(provider, action, rules)
        view = RecordView(fields, None, settings, {_PROVIDER.name: (provider,), _ACTION.name: (action,)})
        return _why_no_call(record, view) or _Look(view, event.rules, event.takers(view))
    view = RecordView(fields, record.document, settings)
    candidates = rules.candidates(view)
    if not candidates:
        return why_no_candidate(provider, action, rules)
    return _why_no_call(record, view) or _Look(view, candidates, _takers(candidates, view))


def _judge(
    record: Record, rules: RuleSet, look: _Look, settings: FieldSettings
) -> tuple[RedactedRecord, Sequence[CompiledRule]] | str:
    """Return a record without session tokens and the rules that take it; why there is none, in words."""
    view, takers = look.view, look.takers
    if not takers and is_certain(record, view):
        return why_not_taken(record.fields, look.candidates)
    redacted = _redacted_quickly(record, view, settings)
    if redacted is None:
        return _judge_slowly(record, rules, look, settings)
    if redacted.view is not view:
        if is_certain(record, view):
            redacted.view.known.update(view.known)
        else:
            takers = _takers(look.candidates, redacted.view)
    return (redacted, takers) if takers else why_not_taken(record.fields, look.candidates)


def _judge_slowly(
    record: Record, rules: RuleSet, look: _Look, settings: FieldSettings
) -> tuple[RedactedRecord, Sequence[CompiledRule]] | str:
    """As ``_judge``, for a record that has to be redacted text by text."""
    view, takers = look.view, look.takers
    try:
        redacted = _redacted(record, view, settings)
    except TooDeepError:
        if takers:
            raise
        return why_not_taken(record.fields, look.candidates)
    if redacted.view is not view and not is_certain(record, view):
        takers = _takers(rules.candidates(redacted.view), redacted.view)
    return (redacted, takers) if takers else why_not_taken(record.fields, look.candidates)


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


def _why_no_call(record: Record, view: View) -> str | None:
    """Return in words why a record of its category and type reports no call; ``None`` if it does (T2)."""
    fields = record.fields
    category, kind = fields.get("eventCategory"), fields.get("eventType")
    if record.document is None and category in _USUAL_CATEGORIES and kind in _USUAL_TYPES:
        return None
    categories, kinds = view.values(_CATEGORY), view.values(_TYPE)
    # CloudTrail Insights reports an unusual rate of calls under the call's own name and source (R5).
    if "Insight" in categories or "AwsCloudTrailInsight" in kinds:
        return "an Insight event, not a call"
    # A VPC endpoint writes such a record of a call, beside the record of the call itself.
    if "NetworkActivity" in categories or "AwsVpceEvent" in kinds:
        return "a network activity event, not a call"
    return None
