"""The mapping tables of ``docs/alerts.md`` are what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from published_examples import ALERT, SUMMARY, changed, flat, leaves

import streams
from streams.wire.alert_formats.formats import FORMATS
from streams.wire.alert_formats.ocsf import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")


class Mapping(NamedTuple):
    """One table: its heading, the document it describes, the schema of what it is made of, and what is native."""

    heading: str
    document: Callable[[dict[str, Any]], dict[str, Any]]
    example: dict[str, Any]
    schema: str
    native: str


def alert(name: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda value: FORMATS[name].alert(value, overflow=False)


MAPPINGS = [
    Mapping("ECS: an alert", alert("ecs"), ALERT, "alert", "rootwatch"),
    Mapping("ECS: a session summary", FORMATS["ecs"].summary, SUMMARY, "session_summary", "rootwatch"),
    Mapping("OCSF: an alert", alert("ocsf"), ALERT, "alert", "unmapped.rootwatch"),
    Mapping("OCSF: a session summary", FORMATS["ocsf"].summary, SUMMARY, "session_summary", "unmapped.rootwatch"),
]


def table(heading: str) -> dict[str, str]:
    """The last column of a section's table by the first."""
    section = DOCUMENT.split(f"\n#### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[-1] for row in rows}


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.heading)
def test_each_table_is_what_the_code_does(mapping: Mapping) -> None:
    """A field of a document changes with the fields that its row names in backticks, and with no other.

    A row that names none says what is always there. Every field of the whole example has a row, in order.
    """
    before = flat(mapping.document(mapping.example), whole=mapping.native)
    sources: dict[str, set[str]] = {path: set() for path in before}
    for leaf in leaves(mapping.schema):
        after = flat(mapping.document(changed(mapping.example, leaf)), whole=mapping.native)
        assert after.keys() == before.keys(), leaf
        for path in before:
            if before[path] != after[path]:
                sources[path].add(leaf)
    rows = table(mapping.heading)
    assert list(rows) == list(before)
    del sources[mapping.native]
    for path, expected in sources.items():
        assert set(re.findall(r"`([^`]+)`", rows[path])) == expected, path
        if not expected:
            values = ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in before[path])
            assert rows[path] == f"always {values.replace(streams.__version__, 'the version of rootwatch')}", path


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.heading)
def test_the_native_form_is_whole(mapping: Mapping) -> None:
    """What a format has no field for is under one name: every field of the native form but the record."""
    found = flat(mapping.document(mapping.example))
    native = {path.removeprefix(f"{mapping.native}.") for path in found if path.startswith(f"{mapping.native}.")}
    assert native - {"overflow"} == set(leaves(mapping.schema)) - {"record"}


def test_the_levels_of_severity_are_documented() -> None:
    """The document gives the numbers of each word of severity."""
    (ecs,) = {rows["event.severity"] for rows in map(table, ("ECS: an alert",))}
    assert ecs.endswith("low 1, medium 2, high 3, critical 4, any other 4")
    levels = ", ".join(f"{word} {number}" for word, (number, _) in SEVERITIES.items())
    assert table("OCSF: an alert")["severity_id"].endswith(f"{levels}, any other 99")
