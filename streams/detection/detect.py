"""One sighting and the memory of its group become a decision: the alert, if any, and what to remember."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from streams.detection import learning
from streams.detection.alerting import alert, cap
from streams.detection.decision import Decision
from streams.detection.exception import first_match
from streams.detection.group_summary import DAY, GroupSummary
from streams.detection.novelty import describe, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.detection.alerting.alert import Alert
    from streams.detection.decision import DecisionSettings, Outcome
    from streams.detection.memory import GroupMemory, RuleState, TupleMemory
    from streams.detection.novelty import Kind
    from streams.extraction.sighting import AnySighting
    from streams.fields.view import View
    from streams.rules.rule_set import CompiledRule


def detect(
    sighting: AnySighting,
    memory: GroupMemory,
    rule: CompiledRule,
    decision_settings: DecisionSettings,
    view_of: Callable[[AnySighting], View],
) -> Decision:
    """Decide on one sighting; the same arguments always give the same decision.

    Args:
        sighting: the sighting.
        memory: the memory of its group; it is only read.
        rule: its rule.
        decision_settings: the settings of this rule; their window and cap override the rule's.
        view_of: reads the fields of a sighting's record again, for exceptions with a query.
    """
    time = sighting.time_by(decision_settings.clock)
    exception = first_match(decision_settings.exceptions, sighting, view_of)
    if exception is not None:
        return Decision("excepted", time, exception=exception)
    known_state = memory.rule_state()
    state = learning.met(known_state, rule, time)
    learning_ends_at = learning.learning_ends_at(state, decision_settings)
    teaches = sighting.teaching or (learning_ends_at is not None and time <= learning_ends_at)
    stored = memory.remembered(sighting.values)
    judgement = judge(stored, time, decision_settings)

    def composed(identifier: str, kind: Kind) -> Alert:
        summary = memory.summary() if _has_others(sighting) else GroupSummary()
        others = summary.others(stored, (time - decision_settings.forget_after) // DAY)
        novelty = describe(judgement, kind, others, learning_ends_at)
        return alert.compose(identifier, sighting, novelty, rule.rule)

    if stored is None and state.entries >= decision_settings.max_entries:
        changed = None if state is known_state else state
        if teaches:
            return Decision("unknown", time, rule_state=changed)
        identifier = alert.alert_id(sighting)
        unknown = composed(identifier, "unknown")
        return Decision("unknown", time, rule_state=changed, alert=unknown, alert_id=identifier)
    if stored is None:
        state = state.with_entries(state.entries + 1)
    kept = _Kept(
        judgement.memory,
        _changed_summary(stored, judgement.memory, memory, decision_settings) if _has_others(sighting) else None,
        None if state is known_state else state,
    )
    if teaches:
        return Decision("learned", time, *kept)
    match judgement.kind:
        case "first" | "returned":
            identifier = alert.alert_id(sighting)
            admission = cap.admit(identifier, time, memory, rule.rule, decision_settings)
            return Decision(
                "alert" if admission.admitted else "overflow",
                time,
                *kept,
                bucket=admission.bucket,
                dropped_buckets=admission.dropped,
                alert=composed(identifier, judgement.kind),
                alert_id=identifier,
            )
        case _:
            # After a crash the bucket may be in the store but not in the changelog. A repeat writes it again.
            outcome: Outcome = "late" if judgement.kind == "late" else "known"
            return Decision(
                outcome, time, *kept, bucket=cap.bucket_of(partial(alert.alert_id, sighting), time, memory, rule.rule)
            )


class _Kept(NamedTuple):
    """What a decision keeps; the fields of ``Decision`` behind its time, in their order."""

    memory: TupleMemory
    summary: GroupSummary | None
    rule_state: RuleState | None


def _has_others(sighting: AnySighting) -> bool:
    """Whether its group may have other tuples; a group of one term is one tuple, and keeps no summary."""
    return len(sighting.terms) > 1


def _changed_summary(
    stored: TupleMemory | None, after: TupleMemory, memory: GroupMemory, decision_settings: DecisionSettings
) -> GroupSummary | None:
    if stored is not None and (stored.last_seen // DAY, stored.first_seen) == (
        after.last_seen // DAY,
        after.first_seen,
    ):
        return None  # most sightings of known tuples; the summary is not even read
    before = memory.summary()
    summary = before.moved(stored, after, decision_settings.forget_after)
    return None if summary == before else summary
