from __future__ import annotations

import pytest
from sightings import DAY, MINUTE, NOON, RULE, SECOND, History, sighting, with_settings

from streams.detection.alerting.cap import bucket_start
from streams.detection.memory import CapBucket

FIVE = 5 * MINUTE


def accounts(count: int) -> list[str]:
    return [f"{number:012d}" for number in range(count)]


@pytest.mark.parametrize(
    ("time", "start"),
    [(0, 0), (FIVE - 1, 0), (FIVE, FIVE), (-1, -FIVE), (-FIVE, -FIVE), (-FIVE - 1, -2 * FIVE)],
)
def test_periods_are_aligned_to_the_epoch(time: int, start: int) -> None:
    """A3: a period begins at a multiple of five minutes, also before 1970."""
    assert bucket_start(time, RULE) == start


def test_a_hundred_go_through_and_the_rest_overflows() -> None:
    """A3: if a principal has 103 new pairs in five minutes, 100 alert and three overflow, each with its alert."""
    history = History()
    decisions = history.take_all(sighting(NOON + place, account=name) for place, name in enumerate(accounts(103)))
    assert [decision.outcome for decision in decisions] == ["alert"] * 100 + ["overflow"] * 3
    assert all(decision.alert and decision.alert.id == decision.alert_id for decision in decisions)
    assert len(history.of(sighting()).buckets[NOON].alert_ids) == 100


def test_an_overflow_writes_no_bucket_and_teaches() -> None:
    """A3: an overflow does not change the full bucket, and its pair is remembered."""
    history = History(with_settings(max_alerts=1))
    history.take(sighting())
    overflow = history.take(sighting(account="333333333333"))
    assert (overflow.outcome, overflow.bucket, overflow.dropped_buckets) == ("overflow", None, ())
    assert history.take(sighting(NOON + 1, account="333333333333")).outcome == "known"


def test_an_alert_whose_pair_was_lost_goes_where_it_went() -> None:
    """A2, A3: after a kill between bucket and pair, an alert goes through again, counted once; an overflow repeats."""
    history = History(with_settings(max_alerts=2))
    through = [sighting(NOON + place, account=name) for place, name in enumerate(accounts(2))]
    over = sighting(NOON + 2, account="333333333333")
    first = history.take_all([*through, over])
    history.of(over).tuples.clear()
    again = history.take_all([*through, over])
    assert [d.outcome for d in again] == [d.outcome for d in first] == ["alert", "alert", "overflow"]
    assert [d.alert_id for d in again] == [d.alert_id for d in first]
    assert history.of(over).buckets[NOON].alert_ids == tuple(d.alert_id for d in first[:2])


def test_a_repeat_writes_its_bucket_again() -> None:
    """A2: a repeat returns pair and bucket unchanged, so that a changelog that lost them gets them."""
    history = History()
    alert = history.take(sighting())
    history.take(sighting(NOON + SECOND))
    repeat = history.take(sighting())
    assert (repeat.outcome, repeat.memory, repeat.bucket) == (
        "late",
        history.memory.group(sighting()).remembered(sighting().values),
        alert.bucket,
    )


def test_only_the_alert_itself_writes_its_bucket_again() -> None:
    """A2, A3: another record of the same second is not a repeat, and changes no bucket."""
    history = History()
    history.take(sighting(event_id="one"))
    assert history.take(sighting(event_id="two")).bucket is None


def test_buckets_a_day_older_than_the_newest_are_dropped() -> None:
    """A3: a bucket is deleted when an alert comes in a bucket that is a day or more newer, and not before."""
    history = History()
    first, second, third = accounts(3)
    history.take(sighting(NOON, account=first))
    history.take(sighting(NOON + FIVE, account=second))
    almost = history.decide(sighting(NOON + DAY - 1, account=third))
    assert almost.dropped_buckets == ()
    assert history.take(sighting(NOON + DAY, account=third)).dropped_buckets == (NOON,)
    assert sorted(history.of(sighting()).buckets) == [NOON + FIVE, NOON + DAY]


def test_an_old_period_is_capped_too() -> None:
    """A3: alerts of a period a day before the newest bucket are capped; the next newer bucket deletes theirs."""
    history = History(with_settings(max_alerts=1))
    names = accounts(4)
    history.take(sighting(NOON, account=names[0]))
    old = [history.take(sighting(NOON - DAY, account=name)) for name in names[1:3]]
    assert [decision.outcome for decision in old] == ["alert", "overflow"]
    assert history.take(sighting(NOON + FIVE, account=names[3])).dropped_buckets == (NOON - DAY,)


def test_without_a_cap_no_bucket_is_kept() -> None:
    """A3: with a cap of 0 every alert goes through, and nothing is counted."""
    history = History(with_settings(max_alerts=0))
    decisions = history.take_all(sighting(NOON, account=name) for name in accounts(150))
    assert {(d.outcome, d.bucket) for d in decisions} == {("alert", None)}
    assert list(history.of(sighting()).buckets) == []


def test_a_bucket_fuller_than_a_lowered_cap_lets_nothing_new_through() -> None:
    """A3: if an operator lowers the cap, alerts that went through go through again, and new ones overflow."""
    history = History(with_settings(max_alerts=1))
    alerted = sighting(account="333333333333")
    identifier = History().decide(alerted).alert_id
    assert identifier is not None
    history.of(alerted).buckets[NOON] = CapBucket(NOON, ("another", identifier))
    assert history.decide(alerted).outcome == "alert"
    assert history.decide(sighting()).outcome == "overflow"
