"""What detection is told to do, and what it decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from streams.detection.exception import ExceptionEntry
    from streams.detection.memory import CapBucket, PairMemory

Outcome = Literal["alert", "overflow", "known", "late", "learned", "excepted"]

FORGET_AFTER = 400 * 86_400_000


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """The settings that decide. Times and durations are milliseconds.

    Attributes:
        window: how long a pair stays known after it was last seen (M1).
        forget_after: after how long it counts as never seen (M8); at least the window.
        learn_until: sightings at or before it teach and do not alert (M6); ``None`` if nothing is learned.
        clock: whose time counts: the event's, or the Kafka record's, where the sighting came from one (M4).
        max_alerts: alerts for one principal in each of the rule's cap periods; 0 means that there is no cap (A3).
        exceptions: what neither alerts nor teaches (M7), in the order of the file.

    Raises:
        ValueError: ``forget_after`` is shorter than the window.
    """

    window: int
    forget_after: int = FORGET_AFTER
    learn_until: int | None = None
    clock: Literal["event", "record"] = "event"
    max_alerts: int = 100
    exceptions: tuple[ExceptionEntry, ...] = ()

    def __post_init__(self) -> None:
        if self.forget_after < self.window:
            raise ValueError(f"forget_after ({self.forget_after} ms) must be at least the window ({self.window} ms)")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to say of one sighting and what to remember after it.

    The shell sends the alert, then writes the bucket, drops old buckets and writes the pair, in this order (A2, A3):
    whatever it was doing when it was killed, the same sighting again leads to the same alert or to none. Handling
    several at once, it may write the buckets before the pairs, but drops nothing before all that came earlier is
    written.

    Attributes:
        outcome: ``alert``; ``overflow``: an alert above the cap (A3); ``known``, also a repeat (M1, M5); ``late`` (M3);
            ``learned``: at or before ``learn_until``, or a teaching sighting, whatever else it is (M6); ``excepted``
            (M7).
        time: the sighting's time by the clock (M4), in milliseconds.
        pair: what to remember of the pair, even if it is what was remembered (A2); ``None`` if nothing is to be.
        bucket: the cap bucket to remember; ``None`` if none is to be written.
        dropped_buckets: the starts of the principal's buckets to delete (A3).
        alert: the alert field for field as in ``schemas/alert.avsc``, timestamps in milliseconds, ``detected_at`` and
            ``geo`` left ``None`` for the shell to fill; ``None`` unless the outcome is ``alert`` or ``overflow``.
        alert_id: the alert's id (A1); ``None`` without an alert.
        exception: the position of the matching one in ``DecisionSettings.exceptions``; ``None`` unless ``excepted``.
    """

    outcome: Outcome
    time: int
    pair: PairMemory | None = None
    bucket: CapBucket | None = None
    dropped_buckets: tuple[int, ...] = ()
    alert: dict[str, Any] | None = None
    alert_id: str | None = None
    exception: int | None = None
