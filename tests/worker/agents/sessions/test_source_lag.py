"""For how long the source has lagged, look by look (S9)."""

from __future__ import annotations

import math

import pytest

from streams.worker.agents.sessions.source_lag import SourceLag
from streams.worker.consumer.progress import Progress

Looks = list[tuple[float, dict[int, tuple[int | None, int | None]], float]]

# Each look: when it is, each partition's committed offset and end, and the lag that it finds.
CASES: dict[str, Looks] = {
    "nothing to read": [(0, {}, 0)],
    "an empty partition": [(0, {0: (0, 0)}, 0), (9, {0: (0, 0)}, 0)],
    "handled from the start": [(0, {0: (5, 5)}, 0)],
    "deleted up to its end": [(0, {0: (7, 7)}, 0)],
    "a backlog is behind from the start, however it shrinks": [
        (0, {0: (0, 9)}, math.inf),
        (10, {0: (8, 20)}, math.inf),
        (20, {0: (9, 20)}, 20),
        (30, {0: (20, 20)}, 0),
    ],
    "a backlog that is never caught up": [(float(n), {0: (n, 100 + n)}, math.inf) for n in range(50)],
    "what is new counts from the look before": [
        (0, {0: (5, 5)}, 0),
        (10, {0: (5, 6)}, 10),
        (20, {0: (5, 8)}, 20),
        (30, {0: (6, 8)}, 20),
        (40, {0: (8, 8)}, 0),
    ],
    "in a steady flow only the oldest end counts": [
        (0, {0: (5, 5)}, 0),
        (10, {0: (5, 9)}, 10),
        (20, {0: (9, 15)}, 10),
        (30, {0: (15, 22)}, 10),
    ],
    "one of many partitions is enough": [
        (0, {0: (5, 5), 1: (3, 3)}, 0),
        (10, {0: (5, 5), 1: (3, 4)}, 10),
        (20, {0: (5, 6), 1: (3, 4)}, 20),
    ],
    "a partition without a commit": [(0, {0: (None, 9)}, math.inf), (10, {0: (9, 9)}, 0)],
    "a partition whose end is not known": [(0, {0: (3, None)}, math.inf), (10, {0: (3, 3)}, 0)],
    "an end that is not known for a while": [
        (0, {0: (3, 3)}, 0),
        (10, {0: (3, None)}, math.inf),
        (20, {0: (3, 9)}, math.inf),
        (30, {0: (9, 9)}, 0),
    ],
    "a partition that went and came back with a backlog": [
        (0, {0: (3, 3), 1: (1, 1)}, 0),
        (10, {1: (1, 1)}, 0),
        (20, {0: (3, 9), 1: (1, 1)}, math.inf),
        (30, {0: (9, 9), 1: (1, 1)}, 0),
    ],
    "a new partition is behind until its first end is handled": [
        (0, {0: (3, 3)}, 0),
        (10, {0: (3, 3), 1: (0, 4)}, math.inf),
        (20, {0: (3, 3), 1: (4, 6)}, 10),
    ],
    "a pause between two looks hides nothing that came in it": [
        (0, {0: (5, 5)}, 0),
        (3600, {0: (5, 900)}, 3600),
        (3610, {0: (800, 900)}, 3610),
        (3620, {0: (900, 900)}, 0),
    ],
    "the marker of a transaction is passed with the commit": [
        (0, {0: (4, 4)}, 0),
        (10, {0: (4, 9)}, 10),
        (20, {0: (9, 9)}, 0),
        (30, {0: (10, 10)}, 0),
    ],
    "an open transaction is behind since it began": [
        (0, {0: (4, 4)}, 0),
        (10, {0: (4, 9)}, 10),
        (600, {0: (4, 12)}, 600),
        (610, {0: (13, 13)}, 0),
    ],
    "a topic that was made anew": [
        (0, {0: (500, 500)}, 0),
        (10, {0: (500, 3)}, 0),
        (20, {0: (3, 3)}, 0),
        (30, {0: (3, 4)}, 10),
        (40, {0: (4, 4)}, 0),
    ],
    "a topic that was made anew while it lagged": [
        (0, {0: (5, 5)}, 0),
        (10, {0: (5, 900)}, 10),
        (20, {0: (0, 7)}, math.inf),
        (30, {0: (7, 7)}, 0),
    ],
}


@pytest.mark.parametrize("looks", CASES.values(), ids=CASES)
def test_lag(looks: Looks) -> None:
    """S9: the longest time since which an end has not been handled; infinite where that is not known."""
    lag = SourceLag()
    for now, partitions, expected in looks:
        found = [Progress("cloudtrail", number, done, end) for number, (done, end) in partitions.items()]
        assert (now, lag.look(now, found)) == (now, expected)


def test_topics_are_told_apart() -> None:
    """S9: partitions of the same number in two source topics are two partitions."""
    lag = SourceLag()
    lag.look(0, [Progress("one", 0, 5, 5), Progress("two", 0, 9, 9)])
    assert lag.look(10, [Progress("one", 0, 6, 6), Progress("two", 0, 9, 10)]) == 10
