"""The table of ``rootwatch state`` at a terminal."""

from __future__ import annotations

from sightings import COMPILED, NOON

from streams.commands.results.state import _row
from streams.detection.memory import TupleMemory


def test_terms_are_shown_as_they_are() -> None:
    """U13: only times are put on two lines; a term that looks like one, such as a key with a T and a Z, stays whole."""
    cells = _row(COMPILED, ("alice", "AROATESTROLEZ"), TupleMemory(NOON, NOON, 3))
    assert cells[0] == "AROATESTROLEZ"
    assert cells[1:4] == ("2026-01-01\n12:00:00", "2026-01-01\n12:00:00", "3")
