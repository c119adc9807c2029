"""Draws the chart of ``docs/performance.md``, in an environment of its own with matplotlib.

python charts.py RESULTS OUTPUT.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from matplotlib.figure import Figure

from bench.report.figures import Figures

OURS, PEERS = "#1b6ca8", "#b8c4ce"


def bars(axes: Any, title: str, figures: Figures, part: str, names: list[str], **where: str) -> None:
    """Records per second of contenders, and the lowest and highest of their runs."""
    values = [figures.median(part, "per_second", contender=name, **where) or 0 for name in names]
    spread: list[list[float]] = [[], []]
    for name, value in zip(names, values, strict=True):
        runs = [float(row["per_second"]) for row in figures.rows(part, contender=name, **where)] or [0.0]
        spread[0].append(value - min(runs))
        spread[1].append(max(runs) - value)
    colours = [OURS if name == "rootwatch" else PEERS for name in names]
    axes.bar(names, values, color=colours, yerr=spread, capsize=4)
    axes.set_title(title)
    axes.set_ylabel("records per second")
    axes.yaxis.set_major_formatter("{x:,.0f}")


def growth(axes: Any, title: str, figures: Figures, grows: str, key: str, **where: float) -> None:
    """Processor time per record."""
    rows = sorted(figures.rows("growth", grows=grows, **where), key=lambda row: float(row[key]))
    axes.plot([row[key] for row in rows], [row["processor_us"] for row in rows], marker="o", color=OURS)
    axes.set_title(title)
    axes.set_ylabel("processor µs per record")


def main() -> None:
    """Draw, if all parts of the chart were measured."""
    figures = Figures.read(Path(sys.argv[1]))
    if missing := {"matches", "skipped", "growth"} - set(figures.parts):
        sys.stderr.write(f"no chart: not measured yet: {', '.join(sorted(missing))}\n")
        return
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    places = figure.subplots(2, 2)
    bars(places[0][0], "Every record matches", figures, "matches", ["rootwatch", "quix", "kafka-streams", "bytewax"])
    bars(places[0][1], "One in 1,000 matches, zstd", figures, "skipped", ["rootwatch", "plain", "tuned"], codec="zstd")
    growth(places[1][0], "More rules, which take 10 % together", figures, "rules", "rules")
    places[1][0].set_xlabel("rules")
    places[1][0].set_ylim(bottom=0)
    growth(places[1][1], "More matches", figures, "share", "share")
    places[1][1].set_xlabel("share of records that match")
    places[1][1].set_xscale("log")
    places[1][1].set_yscale("log")
    figure.savefig(sys.argv[2], dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
