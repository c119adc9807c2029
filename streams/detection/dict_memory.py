"""The memory of one principal in plain dicts: for ``backtest``, and the model for the tests of other stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.decision import Decision
    from streams.detection.memory import CapBucket, PairMemory
    from streams.extraction.sighting import Sighting


class DictMemory:
    """A ``PrincipalMemory`` to which decisions are applied.

    Attributes:
        accounts: the memory of the principal's pairs, by member account.
        buckets: the cap's buckets, by start.
    """

    __slots__ = ("accounts", "buckets")

    def __init__(self) -> None:
        self.accounts: dict[str, PairMemory] = {}
        self.buckets: dict[int, CapBucket] = {}

    def pair(self, member_account: str) -> PairMemory | None:
        """Return the pair with this member account; ``None`` if it is not remembered."""
        return self.accounts.get(member_account)

    def pairs(self) -> Iterator[tuple[str, PairMemory]]:
        """Give every remembered (member account, pair), in the order in which they were first remembered."""
        return iter(self.accounts.items())

    def bucket(self, start: int) -> CapBucket | None:
        """Return the cap's bucket that starts at ``start``; ``None`` if there is none."""
        return self.buckets.get(start)

    def bucket_starts(self) -> Iterator[int]:
        """Give the starts of all buckets."""
        return iter(self.buckets)

    def apply(self, sighting: Sighting, decision: Decision) -> None:
        """Apply the decision on a sighting of this principal."""
        for start in decision.dropped_buckets:
            self.buckets.pop(start, None)
        if decision.bucket is not None:
            self.buckets[decision.bucket.start] = decision.bucket
        if decision.pair is not None:
            self.accounts[sighting.values[1]] = decision.pair
