"""The cycle collector still runs in a worker, less often, and not over what stays."""

from __future__ import annotations

import gc
import weakref

import pytest

from streams.worker.garbage import spare_what_stays


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _put_back() -> object:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_cycles_are_still_collected() -> None:
    """Cycles made after the start are freed by the collector alone: a worker that runs for years keeps its memory."""
    spare_what_stays()
    freed: list[weakref.ref[Knot]] = []
    # To ask the reference would hold the knot just when Python 3.12 collects: behind a call.
    knot = weakref.ref(Knot(), freed.append)
    rest: list[list[int]] = []
    while not freed:
        assert len(rest) < 10_000_000, "not collected"
        rest.append([])
    assert freed == [knot]


def test_what_stays_is_left_out() -> None:
    """What was there at the start is in no collection."""
    spare_what_stays()
    assert gc.get_freeze_count() > 10_000
    assert gc.isenabled()
