from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from sightings import ALICE, DAY, NOON, RULE, SECOND, UNLOCK, sighting

from streams.detection.alerting.reason import sentence
from streams.detection.group_summary import Others
from streams.detection.novelty import Novelty

NO_OTHERS = Others(0, None)
FIRST = Novelty("first", NOON, NOON, None, 1, NO_OTHERS, None)
FEBRUARY, MARCH = NOON + 31 * DAY, NOON + 60 * DAY


def back_after(milliseconds: int, others: Others = NO_OTHERS) -> Novelty:
    return Novelty("returned", NOON, NOON - 500 * DAY, NOON - milliseconds, 9, others, None)


@pytest.mark.parametrize(
    ("novelty", "words"),
    [
        (FIRST, "for the first time; this is its first use of root privileges on any account"),
        (
            structs.replace(FIRST, others=Others(1, MARCH)),
            "for the first time; it has done so on 1 other account since 2026-03-02",
        ),
        (
            structs.replace(FIRST, others=Others(3, FEBRUARY)),
            "for the first time; it has done so on 3 other accounts since 2026-02-01",
        ),
        (back_after(92 * DAY), "again after 92 days; it is not known to have done so on any other account"),
        (
            back_after(92 * DAY, Others(1, FEBRUARY)),
            "again after 92 days; it has done so on 1 other account since 2026-02-01",
        ),
    ],
)
def test_the_reason_says_who_where_and_why(novelty: Novelty, words: str) -> None:
    """A5: one sentence says who took root where, why it is new, and on which other accounts before."""
    assert sentence(sighting(task_policy=None), novelty, RULE, None) == f"{ALICE} took root on 222222222222 {words}"


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (10 * DAY + SECOND, "after 10 days;"),
        (2 * DAY - 1, "after 1 day;"),
        (DAY - 1, "after 23 hours;"),
        (3_600_000, "after 1 hour;"),
        (61 * SECOND, "after 1 minute;"),
        (1_999, "after 1 second;"),
        (1, "after 0 seconds;"),
    ],
)
def test_the_gap_is_told_in_its_largest_unit(gap: int, words: str) -> None:
    """A5: the time since a pair was last seen is in whole days, or in the largest unit that it fills."""
    assert words in sentence(sighting(), back_after(gap), RULE, None)


@pytest.mark.parametrize(
    ("policy", "risk", "words"),
    [
        (UNLOCK, "can delete any bucket policy", "; task policy S3UnlockBucketPolicy: can delete any bucket policy"),
        ("arn:aws:iam::aws:policy/New", "unknown", "; task policy New: what it allows is unknown"),
    ],
)
def test_the_reason_ends_with_what_the_task_policy_allows(policy: str, risk: str, words: str) -> None:
    """A5: the sentence has the task policy's name and what a session under it can do."""
    assert sentence(sighting(task_policy=policy), FIRST, RULE, risk).endswith(words)


def test_the_words_are_the_rules() -> None:
    """A4: the action is in the rule's words, or is the event's name if the rule has none."""
    ours = replace(RULE, action="climbed", privilege="leaves")
    bare = replace(RULE, event_name="AssumeLeaf", action=None, privilege=None)
    assert f"{ALICE} climbed 222222222222 for the first time; this is its first use of leaves on" in sentence(
        sighting(), FIRST, ours, None
    )
    assert (
        f"{ALICE} called AssumeLeaf on 222222222222 for the first time; this is its first use of AssumeLeaf"
        in sentence(sighting(), FIRST, bare, None)
    )


def test_a_time_outside_the_calendar_is_told_too() -> None:
    """M4: a Kafka timestamp may be any integer; the reason does not fail on it."""
    assert f"since {2**62} ms after 1970" in sentence(
        sighting(), structs.replace(FIRST, others=Others(1, 2**62)), RULE, None
    )
