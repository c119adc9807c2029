"""The settings of detection, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

if TYPE_CHECKING:
    from streams.detection.alerting.alert import Alert
    from streams.detection.exception import ExceptionEntry
    from streams.detection.group_summary import GroupSummary
    from streams.detection.memory import CapBucket, RuleState, TupleMemory

Outcome = Literal["alert", "overflow", "known", "late", "learned", "excepted", "unknown", "gone"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

FORGET_AFTER = 400 * 86_400_000
"""The default of ``forget_after`` (M8), in milliseconds."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """The settings of detection. Times and durations are milliseconds.

    Attributes:
        window: how long a tuple stays known after it was last seen (M1).
        forget_after: how long after it was last seen a tuple counts as never seen (M8); at least the window.
        learn_until: sightings at or before this time teach and do not alert (M6); ``None`` without learning.
        clock: ``event`` for the event's time, ``record`` for the Kafka timestamp if there is one (M4).
        max_alerts: the maximum number of alerts per group and cap period of the rule; 0 is no cap (A3).
        refresh: a tuple sent to detection less than this long ago may be dropped before it (U7); 0 is exact.
        learn: how long a partition learns from a rule's first sighting on (U6); ``None`` is the window after a change
            of the rule, else nothing.
        max_entries: how many tuples a partition remembers for the rule (U11).
        exceptions: sightings that neither alert nor teach (M7), in the order of the file.

    Raises:
        ValueError: ``forget_after`` is shorter than the window.
    """

    window: int
    forget_after: int = FORGET_AFTER
    learn_until: int | None = None
    clock: Literal["event", "record"] = "event"
    max_alerts: int = 100
    refresh: int = 0
    learn: int | None = None
    max_entries: int = 1_000_000
    exceptions: tuple[ExceptionEntry, ...] = ()

    def __post_init__(self) -> None:
        if self.forget_after < self.window:
            raise ValueError(f"forget_after ({self.forget_after} ms) must be at least the window ({self.window} ms)")


class Decision(Struct, frozen=True, gc=False):
    """The alert of one sighting, if it alerts, and what to remember after it.

    The caller sends the alert, then writes the rule's state, the bucket, deletes old buckets and writes the tuple and
    the summary (A2, A3). Then a crash at any moment is harmless: the same sighting again gives the same alert or none.
    In a batch, the caller may write buckets before tuples, but must not delete a bucket before everything decided
    earlier is written. A summary must not be readable while a tuple that it counts is not written, or the reverse.

    Attributes:
        outcome: ``alert``; ``overflow``, an alert above the cap (A3); ``known``, also for a repeat (M1, M5); ``late``
            (M3); ``learned``, while the rule learns or from a teaching sighting, new or not (M6, U6); ``excepted``
            (M7); ``unknown``, a new tuple beyond ``max_entries`` (U11); ``gone``, its rule does not run (U6).
        time: the sighting's time by the clock (M4), in milliseconds since the epoch.
        memory: the memory of the tuple to write, also if it is unchanged (A2); ``None`` if nothing is to be written.
        summary: the summary of the group to write; ``None`` if it is unchanged.
        rule_state: what the partition knows of the rule, to write; ``None`` if it is unchanged.
        bucket: the cap bucket to write; ``None`` if none is to be written.
        dropped_buckets: the starts of the group's buckets to delete (A3).
        alert: the alert, for the overflow topic unless the outcome is ``alert``; ``None`` for the outcomes that send
            none.
        alert_id: the alert's id (A1); ``None`` without an alert.
        exception: the position of the matching exception in ``DecisionSettings.exceptions``; ``None`` unless
            ``excepted``.
    """

    outcome: Outcome
    time: int
    memory: TupleMemory | None = None
    summary: GroupSummary | None = None
    rule_state: RuleState | None = None
    bucket: CapBucket | None = None
    dropped_buckets: tuple[int, ...] = ()
    alert: Alert | None = None
    alert_id: str | None = None
    exception: int | None = None
