"""A partition's memory keeps what a batch learns in the order of the changelog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import Partition
from sightings import ALICE, DAY, MINUTE, NOON, sighting, with_settings

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting

SETTINGS = with_settings(window=10 * MINUTE, forget_after=2 * DAY, max_alerts=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Sighting]:
    """New pairs in any order, with times in a few cap periods on both sides of a day boundary."""
    periods = st.sampled_from([0, 0, 0, 5 * MINUTE, DAY, DAY + 5 * MINUTE, 4 * DAY])
    steps = draw(st.lists(st.tuples(periods, st.integers(0, 3), st.integers(0, 9)), max_size=20))
    return [
        sighting(NOON + period + place, ALICE, f"{account:012d}", event_id=f"event-{number}")
        for number, (period, place, account) in enumerate(steps)
    ]


@settings(deadline=None, max_examples=300)
@given(histories(), st.data())
def test_killed_at_any_record_of_the_changelog_each_alert_goes_where_it_went(
    sightings: list[Sighting], data: st.DataObject
) -> None:
    """A2, A3: after a kill at any changelog record and a restart from any commit, the alerts are the same.

    Each alert goes to the same topic as before, and the memory is the same in the end.
    """
    calm, killed = Partition(SETTINGS), Partition(SETTINGS)
    for seen in sightings:
        calm.handle([seen])
    start = data.draw(st.integers(0, len(sightings)))
    end = data.draw(st.integers(start, len(sightings)))
    killed.handle(sightings[:start])
    killed.handle(sightings[start:end], stored=lambda changes: data.draw(st.integers(0, changes)))
    at = data.draw(st.integers(0, start))
    while at < len(sightings):
        size = data.draw(st.integers(1, len(sightings) - at))
        killed.handle(sightings[at : at + size])
        at += size
    assert list(dict.fromkeys(killed.sent)) == calm.sent
    assert killed.meaning() == calm.meaning()
