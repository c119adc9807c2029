"""The baseline's state, over real RocksDB stores and without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from rocksdict import Options, Rdict
from sightings import bucket_key, pair_key
from structlog.testing import capture_logs

from streams.detection.memory import CapBucket, TupleMemory
from streams.wire.stored.memory import encode_bucket, encode_tuple
from streams.worker.monitoring.baseline import Baseline
from streams.worker.state.table import OpenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGELOG = "rootwatch-memory-changelog"
OWN, STANDBY = (0, 1), 2
OFFSET_KEY = b"__faust\0offset__"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[dict[int, Rdict]]:
    """Empty stores as Faust opens them: two partitions of this worker's own, one standby."""
    opened = {number: Rdict(str(tmp_path / str(number)), Options(raw_mode=True)) for number in (*OWN, STANDBY)}
    for store in opened.values():
        store.put(OFFSET_KEY, b"7")
    yield opened
    for store in opened.values():
        store.close()


def baseline(stores: dict[int, Rdict], learn_until: int | None = None) -> Baseline:
    """The baseline of a ready worker with these stores."""
    opened = [OpenStore(number, number in OWN, store) for number, store in sorted(stores.items())]
    table: Any = SimpleNamespace(stores=lambda: opened, estimated_entries=lambda: 0)
    return Baseline(table, learn_until, lambda: True)


def remember(store: Rdict, count: int, first_seen: int) -> None:
    """Store pairs of one principal, each first seen a millisecond after the previous one, and a bucket."""
    for number in range(count):
        seen = first_seen + number
        store.put(pair_key("arn:aws:iam::1:user/a", f"{number:012d}"), encode_tuple(TupleMemory(seen, seen, 1)))
    store.put(bucket_key("arn:aws:iam::1:user/a", 300_000), encode_bucket(CapBucket(300_000, ("id",))))


def counted(made: Baseline, until: Any) -> None:
    """Run the service until a condition holds."""

    async def run() -> None:
        async with made:
            while not until(made):  # noqa: ASYNC110  the service has no event to wait for
                await asyncio.sleep(0.01)

    asyncio.run(run())


def test_the_census_counts_own_pairs_and_finds_the_oldest(stores: dict[int, Rdict]) -> None:
    """The census counts the pairs of all own partitions, in steps, without buckets, Faust's offset and standbys."""
    remember(stores[0], 600, 2_000_000)
    remember(stores[1], 250, 1_000_000)
    remember(stores[STANDBY], 5, 1)
    made = baseline(stores)
    counted(made, lambda made: made.pairs is not None)
    assert made.pairs == 850
    assert made.describe()["oldest_sighting"] == "1970-01-01T00:16:40.000Z"


def test_an_empty_memory_has_no_pairs_and_no_oldest(stores: dict[int, Rdict]) -> None:
    """An empty memory has zero pairs and no oldest date."""
    made = baseline(stores)
    counted(made, lambda made: made.pairs is not None)
    assert (made.pairs, made.oldest) == (0, None)


def test_an_unreadable_pair_leaves_the_number_unknown(stores: dict[int, Rdict]) -> None:
    """If this version cannot read a value, the census logs a warning; whether the worker stops is up to detection."""
    stores[0].put(pair_key("p", "222222222222"), b"newer")
    made = baseline(stores)
    with capture_logs() as logs:
        counted(made, lambda _: any(entry["event"] == "baseline.uncounted" for entry in logs))
    assert made.pairs is None


@pytest.mark.parametrize(
    ("remembered", "learn_until", "expected"),
    [(0, None, 1), (1, None, 0), (0, 4_102_444_800_000, 0)],
    ids=["empty", "seeded", "learning"],
)
def test_only_an_empty_memory_that_does_not_learn_is_warned_of(
    stores: dict[int, Rdict], remembered: int, learn_until: int | None, expected: int
) -> None:
    """M6: with an empty memory and no learn_until every pair will alert: one warning says so, and how to seed it."""
    remember(stores[1], remembered, 1_000)
    if not remembered:
        stores[1].delete(bucket_key("arn:aws:iam::1:user/a", 300_000))
    made = baseline(stores, learn_until)
    with capture_logs() as logs:
        made.announce()
        made.announce()
    warnings = [entry for entry in logs if entry["event"] == "baseline.empty"]
    assert len(warnings) == expected
    assert all("rootwatch warm-up" in entry["fix"] for entry in warnings)


def test_learning_ends_by_the_clock(stores: dict[int, Rdict]) -> None:
    """Until learn_until the state is learning; after it, or without it, the state is live."""
    states = {until: baseline(stores, until).describe()["state"] for until in (None, 1, 4_102_444_800_000)}
    assert states == {None: "live", 1: "live", 4_102_444_800_000: "learning"}
