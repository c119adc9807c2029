from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.capacity import Measured, first_limit, need
from bench.report.document import PLACE, fill
from bench.report.figures import Figures
from bench.report.tables import TABLES
from bench.report.words import rounded

ROOT = Path(__file__).parents[2]
RUNS = {
    "matches": {
        "part": "matches",
        "date": "2026-03-01",
        "commit": "abc",
        "machine": {"cores": 2, "memory_gib": 23},
        "versions": {"orjson": "3"},
        "runs": 3,
        "rows": [
            {"contender": "rootwatch", "run": 0, "per_second": 100.0},
            {"contender": "quix", "run": 0, "per_second": 50.0},
            {"contender": "rootwatch", "run": 1, "per_second": 300.0},
            {"contender": "quix", "run": 1, "per_second": 100.0},
            {"contender": "rootwatch", "run": 2, "per_second": 100.0},
            {"contender": "quix", "run": 2, "per_second": 200.0},
        ],
    }
}
WORKER = Measured(
    per_second=100_000, of_one_partition=50_000, record_bytes=400, tuple_bytes=50, restored_per_second=1e6
)


def test_ratio_is_of_one_run() -> None:
    """A ratio is the median of the ratios within a run, not the ratio of medians: machines change between runs."""
    figures = Figures(RUNS)
    assert figures.median("matches", "per_second", contender="quix") == 100
    assert figures.ratio("matches", "rootwatch", "quix") == 2


def test_what_was_not_measured() -> None:
    """A part, contender or run that is missing gives no figure, and every table can still be written."""
    figures = Figures(RUNS)
    assert figures.median("latency", "p50_ms") is None
    assert figures.ratio("matches", "rootwatch", "bytewax") is None
    for table in TABLES.values():
        assert table(figures)
        assert table(Figures({}))


def test_a_larger_archive_has_a_row_if_it_was_measured() -> None:
    """Replays of two archives stand in two rows; results from before the second archive have one."""
    rows = [
        {"source": source, "contender": contender, "run": 0, "per_second": speed}
        for source, ours in (("archive", 50.0), ("large-archive", 90.0))
        for contender, speed in (("rootwatch", ours), ("isal", 100.0))
    ]
    both, first = (Figures({"backtest": {"rows": measured}}) for measured in (rows, rows[:2]))
    lines = TABLES["backtest"](both).splitlines()
    assert [line.split("|")[-2].strip() for line in lines if line.startswith("| gzip archive")] == ["0.50", "0.90"]
    assert "ten times" not in TABLES["backtest"](first)


def test_fill_replaces_what_is_between() -> None:
    """Each place is filled, what was there goes, and what is around stays; twice is the same as once."""
    text = "before\n<!-- one -->\nold\n\nold\n<!-- /one -->\nbetween\n<!-- two -->\n<!-- /two -->\nafter\n"
    contents = {"one": lambda: "1", "two": lambda: "2"}
    filled = fill(text, contents)
    assert filled == "before\n<!-- one -->\n1\n<!-- /one -->\nbetween\n<!-- two -->\n2\n<!-- /two -->\nafter\n"
    assert fill(filled, contents) == filled


def test_unknown_place() -> None:
    """A place whose table does not exist is an error that names it."""
    with pytest.raises(ValueError, match="<!-- on -->"):
        fill("<!-- on -->\n<!-- /on -->", {"one": lambda: ""})


def test_documents_name_every_table() -> None:
    """The guide and the README have a place for each table."""
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("docs/performance.md", "README.md"))
    assert {place[1] for place in PLACE.finditer(text)} == set(TABLES)


@pytest.mark.parametrize(
    ("daily", "workers", "partitions"),
    [(1e6, 2, 2), (1e9, 2, 2), (1e10, 7, 16), (1e11, 70, 256)],
)
def test_need(daily: float, workers: int, partitions: int) -> None:
    """Workers are half busy at three times the average, two at least; partitions are a power of two.

    A broker takes three copies with half of ten gigabits.
    """
    needed = need(daily, WORKER)
    assert (needed.workers, needed.partitions) == (workers, partitions)
    assert needed.brokers == max(3, -(-needed.source_bytes * 3 // 0.625e9))
    assert needed.source_bytes == pytest.approx(daily / 86_400 * 3 * 400)


def test_first_limit() -> None:
    """A worker's core is the limit until its records fill ten gigabits."""
    assert first_limit(WORKER) == "a worker's core"
    assert first_limit(Measured(1e6, 1e6, 1_800, 50, 1e6)) == "the network"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (123_456.0, "123,000"), (99.96, "100"), (12.345, "12.3"), (0.04567, "0.0457")]
)
def test_rounded(value: float | None, text: str) -> None:
    """Figures have three digits."""
    assert rounded(value) == text
