"""When a rule learns: for a while after a partition first meets it, and again after it was changed (U6).

Sightings while a rule learns teach and do not alert. A partition knows a fingerprint of the rule and the time of its
first sighting under it. If it knew another fingerprint before, the rule learns for ``learn``, or for its window. If it
knew none, the rule learns for ``learn``, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection.memory import RuleState

if TYPE_CHECKING:
    from streams.detection.decision import DecisionSettings
    from streams.rules.rule_set import CompiledRule


def met(state: RuleState | None, rule: CompiledRule, time: int) -> RuleState:
    """Return what a partition knows of a rule at a sighting; the same object unless the rule is new there, or changed.

    Args:
        state: what it knew before; ``None`` if it never met the rule.
        rule: the rule.
        time: the sighting's time, in milliseconds since the epoch.
    """
    if state is not None and state.fingerprint == rule.query_fingerprint:
        return state
    keeps_memory = state is not None and state.terms_fingerprint == rule.terms_fingerprint
    return RuleState(
        rule.query_fingerprint,
        rule.terms_fingerprint,
        first_sighting_at=time,
        relearning=state is not None,
        entries=state.entries if state is not None and keeps_memory else 0,
    )


def learning_ends_at(state: RuleState, decision_settings: DecisionSettings) -> int | None:
    """Return until when sightings teach and do not alert (M6, U6), in milliseconds since the epoch; ``None`` if never.

    It is the end of the rule's own learning or ``learn_until``, whichever is later.
    """
    learn = decision_settings.learn
    if learn is None and state.relearning:
        learn = decision_settings.window
    ends = (None if learn is None else state.first_sighting_at + learn, decision_settings.learn_until)
    return max((end for end in ends if end is not None), default=None)
