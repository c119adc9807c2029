"""The two pure halves, composed once: worker, backtest, explain and warm-up call these, so that they cannot differ.

``sight`` turns the bytes of one message into sightings, actions of root sessions and rejected elements. ``detect``
turns a sighting and the memory of its group into a decision: the alert, if any, and what to remember.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from streams.content import json_text
from streams.content.json_text import TooDeepError
from streams.content.redaction.redact_bytes import redact_bytes
from streams.detection.alerting.cap import is_over as bucket_is_over
from streams.detection.decision import OUTCOMES, Decision, DecisionSettings
from streams.detection.detect import detect
from streams.detection.forgetting import Seen, partition_time
from streams.detection.novelty import deletable_before, is_deletable
from streams.extraction.call import sighting_time
from streams.extraction.extract import ExtractSettings, extract
from streams.extraction.first_look import is_shallow_text
from streams.extraction.memo.memo import Look, Memo
from streams.extraction.record import PassedOver, Record
from streams.extraction.taking import MOST_COMBINATIONS, Partial, Taking
from streams.fields.view import RecordView
from streams.inputs import prefilter
from streams.inputs.message_reader import read, size_in_memory
from streams.sessions.action import Action
from streams.sessions.candidate import candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.detection.exception import ExceptionEntry
    from streams.extraction.record import Unreadable
    from streams.extraction.sighting import AnySighting, Origin, Sighting
    from streams.extraction.taking import Incomplete, Taken, WasSent
    from streams.fields.view import View
    from streams.rules.rule_set import CompiledRule, RuleSet

__all__ = [
    "MOST_COMBINATIONS",
    "OUTCOMES",
    "Decision",
    "DecisionSettings",
    "ExtractSettings",
    "Look",
    "Memo",
    "Partial",
    "Rejected",
    "Seen",
    "SightResult",
    "Taking",
    "bucket_is_over",
    "compile_finder",
    "compile_matcher",
    "compile_selector",
    "deletable_before",
    "detect",
    "is_deletable",
    "is_shallow_text",
    "may_be_excepted",
    "may_match",
    "partition_time",
    "reject",
    "rule_of",
    "sight",
    "sighting_time",
    "size_in_memory",
    "view_of",
]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one element of it, that could not be used and becomes a dead letter.

    Attributes:
        reason: ``incomplete``, ``malformed``, ``unknown-shape`` or ``too-large``; ``skipped`` if an operator skips it.
        error: what is wrong, in words, without any value of the content.
        element: its zero-based position among the elements of its message; ``None`` if it is the whole message.
        content: the bytes of the whole message or of the element, without session tokens.
        redacted: whether a token was replaced; compressed content is then decompressed.
        partial: the known values of an incomplete sighting; ``None`` for other reasons.
        after: how many of the message's sightings come before it.
    """

    reason: str
    error: str
    element: int | None
    content: bytes
    redacted: bool
    partial: Partial | None = None
    after: int = 0


class SightResult(NamedTuple):
    """The content of one message.

    Attributes:
        sightings: its sightings, in the order of its records, then by rule id and combination.
        rejected: the elements that could not be used, in the same order.
        records: how many records were read, by shape.
        passed_over: how many elements hold no sighting, by the reason in words; the reason may quote the record.
        actions: the candidate actions of root sessions (S2), in the order of its records; none unless sessions are
            followed.
        no_candidates: how many records are no candidates, by reason; empty unless sessions are followed.
        rules: what each rule that took a record took, by rule id, in order.
        losses: how many records were restored from another schema, by what it does not tell of them, in words (R10).
    """

    sightings: tuple[Sighting, ...]
    rejected: tuple[Rejected, ...]
    records: Mapping[str, int]
    passed_over: Mapping[str, int]
    actions: tuple[Action, ...]
    no_candidates: Mapping[str, int]
    rules: Mapping[str, Taking]
    losses: Mapping[str, int]


def sight(  # noqa: PLR0913  the last ones are of one caller each
    value: bytes | None,
    rules: RuleSet,
    extract_settings: ExtractSettings,
    origin: Origin | None = None,
    was_sent: WasSent | None = None,
    *,
    is_counted: Callable[[int], bool] | None = None,
) -> SightResult:
    """Read one message and extract its sightings and actions. It returns for any bytes, and raises nothing.

    Args:
        value: the message; ``None`` is a tombstone.
        rules: the rules whose records are looked for.
        extract_settings: the settings.
        origin: the position in Kafka that the message comes from; ``None`` for files.
        was_sent: says which sightings need not be made (U7); ``None`` names none.
        is_counted: whether ``SightResult.rules`` counts records of this event time; ``None`` counts all. A record
            without a readable time is always counted.
    """
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    records: dict[str, int] = {}
    passed_over: dict[str, int] = {}
    actions: list[Action] = []
    no_candidates: dict[str, int] = {}
    takings: dict[str, Taking] = {}
    losses: dict[str, int] = {}
    for item in read(value, extract_settings.max_message_size):
        if isinstance(item, Record):  # nearly always
            pass
        elif isinstance(item, PassedOver):
            passed_over[item.reason] = passed_over.get(item.reason, 0) + 1
            continue
        else:
            rejected.append(replace(_unreadable(value or b"", item, extract_settings), after=len(sightings)))
            continue
        records[item.shape] = records.get(item.shape, 0) + 1
        if item.loss is not None:
            losses[item.loss] = losses.get(item.loss, 0) + 1
        if extract_settings.follow_sessions:
            _follow(item, actions, no_candidates)
        try:
            extracted = extract(item, rules, extract_settings, origin, was_sent)
        except TooDeepError as error:
            rejected.append(replace(_too_deep(value or b"", item, error, extract_settings), after=len(sightings)))
            continue
        if extracted.passed_over is not None:
            passed_over[extracted.passed_over] = passed_over.get(extracted.passed_over, 0) + 1
        for taken in extracted.taken:
            _add(takings, taken, is_counted)
            sightings += taken.sightings
            if taken.incomplete is not None:
                incomplete = _incomplete(value or b"", item, taken.incomplete, extract_settings)
                rejected.append(replace(incomplete, after=len(sightings)))
    return SightResult(
        tuple(sightings),
        tuple(rejected),
        records,
        passed_over,
        tuple(actions),
        no_candidates,
        dict(sorted(takings.items())) if len(takings) > 1 else takings,
        losses,
    )


def _follow(record: Record, actions: list[Action], no_candidates: dict[str, int]) -> None:
    followed = candidate(record)
    if isinstance(followed, Action):
        actions.append(followed)
    else:
        no_candidates[followed.reason] = no_candidates.get(followed.reason, 0) + 1


def _add(takings: dict[str, Taking], taken: Taken, is_counted: Callable[[int], bool] | None) -> None:
    if is_counted is not None and (time := taken.event_time) is not None and not is_counted(time):
        return
    taking = takings.get(taken.rule_id)
    if taking is None:
        taking = takings[taken.rule_id] = Taking()
    taking.add(taken)


def compile_matcher(rules: RuleSet, extract_settings: ExtractSettings) -> Callable[[bytes | bytearray | None], bool]:
    """Return the fetch filter's test of one message.

    In a message that fails the test, ``sight`` with these settings finds no sighting, no action, nothing incomplete,
    and nothing unreadable that could be one.
    """
    return prefilter.compile_matcher(
        rules.literals, extract_settings.max_message_size, follow_sessions=extract_settings.follow_sessions
    )


def compile_selector(
    rules: RuleSet, extract_settings: ExtractSettings
) -> Callable[[bytes | bytearray | None], bytes | bytearray | None]:
    """Return the fetch filter of one message, see ``prefilter.compile_selector``."""
    return prefilter.compile_selector(
        rules.literals, extract_settings.max_message_size, follow_sessions=extract_settings.follow_sessions
    )


def compile_finder(
    rules: RuleSet, extract_settings: ExtractSettings, *, only_objects: bool = False
) -> Callable[[bytes | bytearray | memoryview, int, int], Sequence[int]]:
    """Return the search for marks in a buffer that holds many messages, see ``prefilter.compile_finder``."""
    follow_sessions = extract_settings.follow_sessions
    return prefilter.compile_finder(rules.literals, follow_sessions=follow_sessions, only_objects=only_objects)


def may_match(value: bytes | None, rules: RuleSet, extract_settings: ExtractSettings) -> bool:
    """Whether a message passes the test of ``compile_matcher``; for many messages, keep that test."""
    return compile_matcher(rules, extract_settings)(value)


def may_be_excepted(exceptions: tuple[ExceptionEntry, ...], sighting: AnySighting) -> bool:
    """Whether an exception may take the sighting out, by its patterns; the queries of exceptions are not asked (M7)."""
    return any(entry.matches(sighting) for entry in exceptions)


def reject(value: bytes, reason: str, error: str, extract_settings: ExtractSettings) -> Rejected:
    """Reject a whole message that ``sight`` does not read, such as bytes on the sightings topic that are not one."""
    content, redacted = redact_bytes(value, extract_settings.max_message_size)
    return Rejected(reason, error, None, content, redacted)


def _unreadable(value: bytes, item: Unreadable, extract_settings: ExtractSettings) -> Rejected:
    content, redacted = redact_bytes(value if item.content is None else item.content, extract_settings.max_message_size)
    return Rejected(item.reason, item.error, item.element, content, redacted)


def _incomplete(value: bytes, record: Record, incomplete: Incomplete, extract_settings: ExtractSettings) -> Rejected:
    if record.element is None:
        content, redacted = redact_bytes(value, extract_settings.max_message_size)
    else:
        content, redacted = incomplete.record.encode(), incomplete.redacted
    return Rejected("incomplete", incomplete.error, record.element, content, redacted, incomplete.partial)


def _too_deep(value: bytes, record: Record, error: TooDeepError, extract_settings: ExtractSettings) -> Rejected:
    alone = None if record.element is None else json_text.to_bytes(record.source)
    content, redacted = redact_bytes(value if alone is None else alone, extract_settings.max_message_size)
    return Rejected("malformed", str(error), record.element, content, redacted)


def rule_of(sighting: AnySighting, rules: RuleSet) -> CompiledRule | None:
    """Return the rule of a sighting; ``None`` if it does not run, or has other terms now (U6)."""
    rule = rules.by_id.get(sighting.rule_id)
    if rule is None or tuple([term.field for term in sighting.terms]) != rule.rule.terms:
        return None
    return rule


def view_of(sighting: AnySighting, extract_settings: ExtractSettings) -> View:
    """Return the fields of a sighting's record, read again from its text."""
    for item in read(sighting.record.encode(), extract_settings.max_message_size):
        if isinstance(item, Record):
            return RecordView(item.fields, item.document, extract_settings)
    return RecordView({}, None, extract_settings)
