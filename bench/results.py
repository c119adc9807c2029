"""Results as JSON: the rows of a part, and where, when and with what they were measured."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.options import Options

Row = dict[str, str | int | float | bool]
LIBRARIES = ("aiokafka", "confluent-kafka", "faust-streaming", "orjson", "isal", "rocksdict")


def write(folder: Path, part: str, options: Options, rows: Sequence[Row]) -> None:
    """Write the rows of a part."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "part": part,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "machine": machine(),
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        "runs": options.runs,
        "rows": [{name: _short(value) for name, value in row.items()} for row in rows],
    }
    (folder / f"{part}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, int]:
    """The machine: its cores, and its memory in GiB."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(  # noqa: S603
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _short(value: str | float) -> str | float:
    """Four digits are more than a benchmark knows."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
