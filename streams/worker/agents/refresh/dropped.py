"""Records of which nothing is sent: all of their tuples were sent a short time ago (U7), or no rule takes them.

They are most of the records that a busy rule takes. What became of one is remembered for those like it (``Memo``), so
that they are not read in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streams.pipeline import Taking
from streams.worker.agents.refresh.cache import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.pipeline import DecisionSettings, SightResult
    from streams.worker.agents.refresh.cache import Key

MOST_TUPLES = 8
"""What more rules take is read in full each time: remembering all of their tuples would take too much memory."""

_ONE_DROPPED = Taking(taken=1, refreshed=1)
_NO_ROOT: tuple[dict[str, int], ...] = ({}, {"not-root": 1})


class DroppedTuple(NamedTuple):
    """A tuple that need not be sent as long as it is fresh.

    Attributes:
        rule_id: the rule that takes the record.
        key: the tuple's key in the refresh cache.
        refresh: the rule's, in milliseconds.
    """

    rule_id: str
    key: Key
    refresh: int


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """What became of a message of one record.

    Attributes:
        shape: the message's shape.
        tuples: the sole tuple of each rule that takes the record; none if no rule does.
    """

    shape: str
    tuples: tuple[DroppedTuple, ...]


def dropped(
    result: SightResult, asked: Mapping[str, tuple[str, ...]], settings: Mapping[str, DecisionSettings]
) -> Dropped | None:
    """Return what became of a message that has one record in CloudTrail's form; ``None`` if it is more than dropped.

    Args:
        result: what the message was read as.
        asked: the values that the refresh cache was asked for, by rule id; of several the last ones.
        settings: the settings of detection by rule id.
    """
    if result.sightings or result.actions or result.rejected or result.losses or result.no_candidates not in _NO_ROOT:
        return None
    if len(result.rules) > MOST_TUPLES or len(result.records) != 1 or sum(result.records.values()) != 1:
        return None
    for taking in result.rules.values():
        if taking != _ONE_DROPPED:
            return None
    (shape,) = result.records
    return Dropped(
        shape,
        tuple(
            DroppedTuple(rule_id, key_of(rule_id, asked[rule_id]), settings[rule_id].refresh)
            for rule_id in result.rules
        ),
    )
