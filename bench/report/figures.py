"""The figures of all parts: medians, and ratios within a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.results import Row


@dataclass(frozen=True)
class Figures:
    """The documents of ``bench/results`` by part."""

    parts: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Figures:
        """Read every result of a folder."""
        documents = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json")))
        return cls({document["part"]: document for document in documents})

    def rows(self, part: str, **where: str | float) -> Sequence[Row]:
        """The rows of a part that have these values; none if the part was not measured."""
        rows: Sequence[Row] = self.parts.get(part, {}).get("rows", ())
        return [row for row in rows if all(row.get(name) == value for name, value in where.items())]

    def median(self, part: str, value: str, **where: str | float) -> float | None:
        """The median of a value over runs; None if it was not measured."""
        found = [float(row[value]) for row in self.rows(part, **where) if value in row]
        return median(found) if found else None

    def ratio(self, part: str, of: str, to: str, value: str = "per_second", **where: str | float) -> float | None:
        """The median over runs of one contender's value divided by another's in the same run."""
        ours, theirs = (
            {row["run"]: float(row[value]) for row in self.rows(part, contender=name, **where) if value in row}
            for name in (of, to)
        )
        pairs = [ours[run] / theirs[run] for run in ours if run in theirs]
        return median(pairs) if pairs else None
