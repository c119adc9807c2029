"""The two pure halves, composed once: worker, backtest, explain and warm-up all call these and nothing below.

``sight`` turns the bytes of one message into sightings and rejected elements; ``detect`` turns a sighting and what is
remembered of its principal into what to remember and what to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection import alert, cap
from streams.detection.decision import Deciding, Decision
from streams.detection.exception import first_match
from streams.detection.novelty import describe, forgotten, judge

if TYPE_CHECKING:
    from streams.detection.memory import PrincipalMemory
    from streams.detection.sighting import Sighting
    from streams.rules.rule import Rule

__all__ = ["Deciding", "Decision", "detect", "forgotten"]


def detect(sighting: Sighting, memory: PrincipalMemory, rule: Rule, deciding: Deciding) -> Decision:
    """Decide one sighting; pure, so the same arguments give the same decision.

    Args:
        sighting: the one to decide.
        memory: what is remembered of its principal; it is read, never written.
        rule: the rule.
        deciding: the settings, which stand above the rule's own window and cap.

    Raises:
        ValueError: the clock is the Kafka record's and the sighting was not read from Kafka (M4).
    """
    time = _time(sighting, deciding)
    exception = first_match(deciding.exceptions, sighting)
    if exception is not None:
        return Decision("excepted", time, exception=exception)
    judgement = judge(memory.pair(sighting.member_account), time, deciding)
    if sighting.teaching or (deciding.learn_until is not None and time <= deciding.learn_until):
        return Decision("learned", time, pair=judgement.pair)
    identifier = alert.alert_id(rule, sighting)
    match judgement.kind:
        case "known" | "late":
            # A repeat may come because a kill left its bucket in the store but not in the changelog: write it again.
            bucket = cap.bucket_of(identifier, time, memory, rule)
            return Decision(judgement.kind, time, pair=judgement.pair, bucket=bucket)
        case "first" | "returned":
            admission = cap.admit(identifier, time, memory, rule, deciding)
            novelty = describe(judgement, sighting.member_account, memory, deciding)
            return Decision(
                "alert" if admission.admitted else "overflow",
                time,
                pair=judgement.pair,
                bucket=admission.bucket,
                dropped_buckets=admission.dropped,
                alert=alert.compose(identifier, sighting, novelty, rule),
                alert_id=identifier,
            )


def _time(sighting: Sighting, deciding: Deciding) -> int:
    if deciding.clock == "event":
        return sighting.event.time
    if sighting.origin is None:
        raise ValueError(
            'the Kafka record\'s time (clock = "record") is asked of a sighting that was not read from Kafka'
        )
    return sighting.origin.timestamp
