"""The two pure halves, composed once: worker, backtest, explain and warm-up call these, so that they cannot differ.

``sight`` turns the bytes of one message into sightings, actions of root sessions and rejected elements. ``detect``
turns a sighting and the memory of its principal into a decision: the alert, if any, and what to remember.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from streams.content import json_text
from streams.content.json_text import TooDeepError
from streams.content.redact_bytes import redact_bytes
from streams.detection import alert, cap
from streams.detection.cap import is_over as bucket_is_over
from streams.detection.decision import Decision, DecisionSettings
from streams.detection.exception import first_match
from streams.detection.forgetting import Seen, partition_time
from streams.detection.novelty import describe, forgotten, judge
from streams.extraction.extract import (
    ExtractSettings,
    Incomplete,
    Partial,
    extract_sightings,
)
from streams.extraction.record import PassedOver, Record
from streams.inputs import prefilter
from streams.inputs.message_reader import read, size_in_memory
from streams.sessions.action import Action
from streams.sessions.candidate import candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.detection.memory import PrincipalMemory
    from streams.extraction.record import Unreadable
    from streams.extraction.sighting import Origin, Sighting
    from streams.rules.rule import Rule

__all__ = [
    "Decision",
    "DecisionSettings",
    "ExtractSettings",
    "Partial",
    "Rejected",
    "Seen",
    "SightResult",
    "bucket_is_over",
    "compile_finder",
    "compile_matcher",
    "compile_selector",
    "detect",
    "forgotten",
    "may_match",
    "partition_time",
    "reject",
    "sight",
    "size_in_memory",
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


@dataclass(frozen=True, slots=True)
class SightResult:
    """The content of one message.

    Attributes:
        sightings: its sightings, in the order of its records.
        rejected: the elements that could not be used, in the same order.
        records: how many records were read, by shape.
        passed_over: how many elements hold no sighting, by the reason in words; the reason may quote the record.
        actions: the candidate actions of root sessions (S2), in the order of its records; none unless sessions are
            followed.
        no_candidates: how many records are no candidates, by reason; empty unless sessions are followed.
    """

    sightings: tuple[Sighting, ...]
    rejected: tuple[Rejected, ...]
    records: Mapping[str, int] = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    no_candidates: Mapping[str, int] = field(default_factory=dict)


def sight(
    value: bytes | None, rule: Rule, extract_settings: ExtractSettings, origin: Origin | None = None
) -> SightResult:
    """Read one message and extract its sightings and actions. It returns for any bytes, and raises nothing.

    Args:
        value: the message; ``None`` is a tombstone.
        rule: the rule whose event is looked for.
        extract_settings: the settings.
        origin: the position in Kafka that the message comes from; ``None`` for files.
    """
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    records: Counter[str] = Counter()
    passed_over: Counter[str] = Counter()
    actions: list[Action] = []
    no_candidates: Counter[str] = Counter()
    for item in read(value, extract_settings.max_message_size):
        if isinstance(item, PassedOver):
            passed_over[item.reason] += 1
            continue
        if not isinstance(item, Record):
            rejected.append(replace(_unreadable(value or b"", item, extract_settings), after=len(sightings)))
            continue
        records[item.shape] += 1
        if extract_settings.follow_sessions:
            followed = candidate(item)
            if isinstance(followed, Action):
                actions.append(followed)
            else:
                no_candidates[followed.reason] += 1
        try:
            extracted = extract_sightings(item, rule, extract_settings, origin)
        except TooDeepError as error:
            rejected.append(replace(_too_deep(value or b"", item, error, extract_settings), after=len(sightings)))
            continue
        match extracted:
            case PassedOver(reason):
                passed_over[reason] += 1
            case Incomplete():
                rejected.append(
                    replace(_incomplete(value or b"", item, extracted, extract_settings), after=len(sightings))
                )
            case _:
                sightings += extracted
    return SightResult(tuple(sightings), tuple(rejected), records, passed_over, tuple(actions), no_candidates)


def compile_matcher(rule: Rule, extract_settings: ExtractSettings) -> Callable[[bytes | bytearray | None], bool]:
    """Return the fetch filter's test of one message.

    In a message that fails the test, ``sight`` with these settings finds no sighting, no action, nothing incomplete,
    and nothing unreadable that could be one.
    """
    return prefilter.compile_matcher(
        _literals(rule), extract_settings.max_message_size, follow_sessions=extract_settings.follow_sessions
    )


def compile_selector(
    rule: Rule, extract_settings: ExtractSettings
) -> Callable[[bytes | bytearray | None], bytes | bytearray | None]:
    """Return the fetch filter of one message, see ``prefilter.compile_selector``."""
    return prefilter.compile_selector(
        _literals(rule), extract_settings.max_message_size, follow_sessions=extract_settings.follow_sessions
    )


def compile_finder(
    rule: Rule, extract_settings: ExtractSettings
) -> Callable[[bytes | bytearray | memoryview, int, int], Sequence[int]]:
    """Return the search for marks in a buffer that holds many messages, see ``prefilter.compile_finder``."""
    return prefilter.compile_finder(_literals(rule), follow_sessions=extract_settings.follow_sessions)


def may_match(value: bytes | None, rule: Rule, extract_settings: ExtractSettings) -> bool:
    """Whether a message passes the test of ``compile_matcher``; for many messages, keep that test."""
    return compile_matcher(rule, extract_settings)(value)


def _literals(rule: Rule) -> frozenset[str] | None:
    """Texts of which each record that the rule takes holds one; ``None`` if the rule is not in the short form."""
    return None if rule.event_name is None else frozenset({rule.event_name})


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


def detect(sighting: Sighting, memory: PrincipalMemory, rule: Rule, decision_settings: DecisionSettings) -> Decision:
    """Decide on one sighting; the same arguments always give the same decision.

    Args:
        sighting: the sighting.
        memory: the memory of its principal; it is only read.
        rule: the rule.
        decision_settings: the settings; their window and cap override the rule's.
    """
    time = sighting.time_by(decision_settings.clock)
    exception = first_match(decision_settings.exceptions, sighting)
    if exception is not None:
        return Decision("excepted", time, exception=exception)
    judgement = judge(memory.pair(sighting.values[1]), time, decision_settings)
    if sighting.teaching or (decision_settings.learn_until is not None and time <= decision_settings.learn_until):
        return Decision("learned", time, pair=judgement.pair)
    identifier = alert.alert_id(rule, sighting)
    match judgement.kind:
        case "known" | "late":
            # After a crash the bucket may be in the store but not in the changelog. A repeat writes it again.
            bucket = cap.bucket_of(identifier, time, memory, rule)
            return Decision(judgement.kind, time, pair=judgement.pair, bucket=bucket)
        case "first" | "returned":
            admission = cap.admit(identifier, time, memory, rule, decision_settings)
            novelty = describe(judgement, sighting.values[1], memory, decision_settings)
            return Decision(
                "alert" if admission.admitted else "overflow",
                time,
                pair=judgement.pair,
                bucket=admission.bucket,
                dropped_buckets=admission.dropped,
                alert=alert.compose(identifier, sighting, novelty, rule),
                alert_id=identifier,
            )
