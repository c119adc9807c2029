"""The two pure halves, composed once: worker, backtest, explain and warm-up all call these and nothing below.

``sight`` turns the bytes of one message into sightings and rejected elements; ``detect`` turns a sighting and what is
remembered of its principal into what to remember and what to say.
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
    MAX_MESSAGE_SIZE,
    ExtractSettings,
    Incomplete,
    Partial,
    extract_sightings,
)
from streams.extraction.record import PassedOver, Record
from streams.inputs import prefilter
from streams.inputs.message_reader import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    "compile_matcher",
    "detect",
    "forgotten",
    "may_match",
    "partition_time",
    "reject",
    "sight",
]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one element of it, that could not be used: what goes to the dead-letter topic.

    Attributes:
        reason: ``incomplete``, ``malformed``, ``unknown-shape`` or ``too-large``; ``skipped`` if an operator said so.
        error: what is wrong, in words, without any of the content's values.
        element: its zero-based place among the elements of its message; ``None`` if it is the whole message.
        content: the message's own bytes if it is the whole message, else the element's alone, without session tokens.
        redacted: whether any token was replaced; gzip is then decompressed.
        partial: what is known of an incomplete sighting.
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
    """What one message held.

    Attributes:
        sightings: in the order of its records.
        rejected: what could not be used, in the same order.
        records: how many records were read, by shape.
        passed_over: how many elements are no sighting, by the reason, in words; the reason may quote the record.
    """

    sightings: tuple[Sighting, ...]
    rejected: tuple[Rejected, ...]
    records: Mapping[str, int] = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)


def sight(
    value: bytes | None, rule: Rule, extract_settings: ExtractSettings, origin: Origin | None = None
) -> SightResult:
    """Read one message and take its sightings; whatever the bytes are, it returns.

    Args:
        value: the message; ``None`` is a tombstone.
        rule: says which records to take.
        extract_settings: the settings.
        origin: where in Kafka the message came from; ``None`` for files.
    """
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    records: Counter[str] = Counter()
    passed_over: Counter[str] = Counter()
    for item in read(value, extract_settings.max_message_size):
        if isinstance(item, PassedOver):
            passed_over[item.reason] += 1
            continue
        if not isinstance(item, Record):
            rejected.append(replace(_unreadable(value or b"", item, extract_settings), after=len(sightings)))
            continue
        records[item.shape] += 1
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
    return SightResult(tuple(sightings), tuple(rejected), records, passed_over)


def compile_matcher(rule: Rule, limit: int = MAX_MESSAGE_SIZE) -> Callable[[bytes | bytearray | None], bool]:
    """Return the fetch filter's test for a rule; ``limit`` is how many bytes a message may have, decompressed.

    The test is exact: what it drops holds no sighting, nothing incomplete, and nothing unreadable that could be one.
    """
    return prefilter.compile_matcher(rule.event_name, limit)


def compile_finder(rule: Rule) -> Callable[[bytes | bytearray | memoryview, int, int], list[int]]:
    """Return the search for what the matcher looks for, in many messages that lie together in one piece of memory."""
    return prefilter.compile_finder(rule.event_name)


def may_match(value: bytes | None, rule: Rule) -> bool:
    """Whether a message may hold a record of the rule's event; who asks often keeps ``compile_matcher``'s answer."""
    return compile_matcher(rule)(value)


def reject(value: bytes, reason: str, error: str, extract_settings: ExtractSettings) -> Rejected:
    """Reject a whole message that ``sight`` is not for, such as bytes on the sightings topic that are no sighting."""
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
    """Decide one sighting; pure, so the same arguments give the same decision.

    Args:
        sighting: the one to decide.
        memory: what is remembered of its principal; it is read, never written.
        rule: the rule.
        decision_settings: the settings, which stand above the rule's own window and cap.
    """
    time = sighting.time_by(decision_settings.clock)
    exception = first_match(decision_settings.exceptions, sighting)
    if exception is not None:
        return Decision("excepted", time, exception=exception)
    judgement = judge(memory.pair(sighting.member_account), time, decision_settings)
    if sighting.teaching or (decision_settings.learn_until is not None and time <= decision_settings.learn_until):
        return Decision("learned", time, pair=judgement.pair)
    identifier = alert.alert_id(rule, sighting)
    match judgement.kind:
        case "known" | "late":
            # A repeat may come because a kill left its bucket in the store but not in the changelog: write it again.
            bucket = cap.bucket_of(identifier, time, memory, rule)
            return Decision(judgement.kind, time, pair=judgement.pair, bucket=bucket)
        case "first" | "returned":
            admission = cap.admit(identifier, time, memory, rule, decision_settings)
            novelty = describe(judgement, sighting.member_account, memory, decision_settings)
            return Decision(
                "alert" if admission.admitted else "overflow",
                time,
                pair=judgement.pair,
                bucket=admission.bucket,
                dropped_buckets=admission.dropped,
                alert=alert.compose(identifier, sighting, novelty, rule),
                alert_id=identifier,
            )
