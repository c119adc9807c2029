"""The order of evaluation: the same for any order of arrival, in memory or over runs on disk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sightings import ACCOUNT, NOON, OTHER_ACCOUNT, sighting

from streams.backtest import order
from streams.backtest.order import Sorter, order_key

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting


def by_event_time(seen: Sighting) -> tuple[Any, ...]:
    return order_key(seen, "event")


@pytest.mark.parametrize(
    ("former", "latter"),
    [
        (sighting(NOON, event_id="z"), sighting(NOON + 1, event_id="a")),
        (sighting(event_id="a", account=OTHER_ACCOUNT), sighting(event_id="b", account=ACCOUNT)),
        (
            replace(sighting(event_id="a", account=OTHER_ACCOUNT), record='{"a":0}'),
            replace(sighting(event_id="a", account=ACCOUNT), record='{"a":1}'),
        ),
        (
            replace(sighting(event_id="a"), rule_id="a", combination=1),
            replace(sighting(event_id="a"), rule_id="b", combination=0),
        ),
        (
            replace(sighting(event_id="a", account=OTHER_ACCOUNT), combination=0),
            replace(sighting(event_id="a", account=ACCOUNT), combination=1),
        ),
        (sighting(event_id="a", teaching=True), sighting(event_id="a")),
    ],
    ids=["time", "event id", "record", "rule", "combination", "teaching first"],
)
def test_each_part_of_the_order_decides_before_the_next(former: Sighting, latter: Sighting) -> None:
    """Time, then event id, then the record's canonical bytes, then rule and combination (M9, Taking)."""
    assert by_event_time(former) < by_event_time(latter)


def test_clock_chooses_the_time() -> None:
    """With clock = record the order is by Kafka's time (M4)."""
    early = sighting(NOON + 5, kafka_time=NOON)
    late = sighting(NOON, kafka_time=NOON + 1)
    assert order_key(early, "record") < order_key(late, "record")
    assert order_key(early, "event") > order_key(late, "event")


@pytest.mark.parametrize("run_bytes", [1, 10_000, order.RUN_BYTES])
def test_runs_on_disk_change_nothing(run_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is that of sorting all at once, for any size of memory and any number of merges."""
    monkeypatch.setattr(order, "FAN_IN", 4)
    sightings = [sighting(NOON + number % 37, event_id=str(number % 11)) for number in range(300)]
    random.Random(1).shuffle(sightings)  # noqa: S311  no secret
    with Sorter(by_event_time, run_bytes) as sorter:
        for start in range(0, 300, 7):
            sorter.add(sightings[start : start + 7])
        assert list(sorter.sorted()) == sorted(sightings, key=by_event_time)


@given(st.permutations(range(8)))
def test_any_arrival_gives_the_same_order(arrival: list[int]) -> None:
    """M9: the same sightings in any order of arrival are evaluated in the same order."""
    times = [0, 0, 1, 1, 1, 2, 2, 3]
    sightings = [sighting(NOON + time, event_id=str(number % 3)) for number, time in enumerate(times)]
    with Sorter(by_event_time) as sorter:
        sorter.add(sightings[number] for number in arrival)
        assert list(sorter.sorted()) == sorted(sightings, key=by_event_time)
