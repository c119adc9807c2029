"""What ``rootwatch rules import`` says of each rule: for people at a terminal, for pipes, and as JSON."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.content.printable import printable
from streams.fields.mapping import MAPPING_VERSION
from streams.rules.importing.outcome import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.rules.importing.plan import Planned

_WIDEST = 100
_INDENT = 4
_OTHER_TYPE = "type"


def report_json(planned: Sequence[Planned], *, written: bool) -> None:
    """Write one JSON object per rule; the keys are a contract for programs."""
    for one in planned:
        sys.stdout.write(f"{json.dumps(document(one, written=written))}\n")


def document(planned: Planned, *, written: bool) -> dict[str, Any]:
    """What is said of a rule."""
    conversion = planned.conversion
    return {
        "source": conversion.source,
        "rule_id": conversion.rule_id,
        "name": conversion.name,
        "verdict": conversion.verdict,
        "reasons": [reason._asdict() for reason in conversion.reasons],
        "action": planned.action,
        "file": planned.file,
        "written": written and planned.action in {"new", "changed"},
        "fields": [{"field": field, "text": text} for field, text in planned.fields],
        "changes": [change._asdict() for change in conversion.changes],
        "differences": [difference._asdict() for difference in conversion.differences],
        "left_out": list(conversion.left_out),
        "mapping_version": MAPPING_VERSION,
    }


def report(planned: Sequence[Planned], *, written: bool) -> None:
    """Write a block of lines per rule, then the differences, each once, and the numbers."""
    width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else None
    for line in _lines(planned, written=written):
        sys.stdout.write(f"{_fitted(printable(line), width)}\n")


def _lines(planned: Sequence[Planned], *, written: bool) -> Iterator[str]:
    others = [one for one in planned if _is_of_another_type(one)]
    for one in planned:
        if not _is_of_another_type(one):
            yield from _of_rule(one, written=written)
    if others:
        types = Counter(one.conversion.reasons[0].text.partition(":")[0] for one in others)
        numbers = ", ".join(f"{count} {name}" for name, count in types.most_common())
        yield f"refused: {len(others)} of another type ({numbers}): rules of the type new_terms can be imported only"
    yield from _differences(planned)
    counts = Counter(one.conversion.verdict for one in planned)
    numbers = ", ".join(f"{counts[verdict]} {verdict}" for verdict in reversed(VERDICTS) if counts[verdict])
    yield f"{len(planned)} in all: {numbers}; fields by mapping version {MAPPING_VERSION}"


def _is_of_another_type(planned: Planned) -> bool:
    return [reason.place.rpartition(".")[2] for reason in planned.conversion.reasons] == [_OTHER_TYPE]


def _of_rule(planned: Planned, *, written: bool) -> Iterator[str]:
    conversion = planned.conversion
    named = f": {conversion.name}" if conversion.name else ""
    yield f"{conversion.verdict}: {conversion.source}{named}"
    for reason in conversion.reasons:
        other = f"{reason.verdict}, " if reason.verdict != conversion.verdict else ""
        yield f"    {other}{reason.place}: {reason.text}" if reason.place else f"    {reason.text}"
    if planned.file is not None:
        would = "" if written or planned.action == "unchanged" else "would be "
        yield f"    {would}{planned.action}: {planned.file}"
    for field, text in planned.fields:
        yield f"        {field}: {text}"
    for place, text in conversion.changes:
        yield f"    {place}: {text}"
    if conversion.left_out:
        yield f"    left out: {', '.join(conversion.left_out)}"


def _differences(planned: Sequence[Planned]) -> Iterator[str]:
    """Say each difference once, with the number of rules that it is of."""
    rules = [one for one in planned if one.action != "refused"]
    counts = Counter(difference for one in rules for difference in one.conversion.differences)
    if counts:
        yield "Differences from Elastic (docs/migrating-from-elastic.md has all of them):"
    for (topic, text), count in counts.items():
        of = "" if len(rules) == 1 else ", of every rule" if count == len(rules) else f", of {count} of {len(rules)}"
        yield f"    {topic}{of}: {text}"


def _fitted(line: str, width: int | None) -> str:
    """Break a line for a terminal; a line for a pipe stays one line."""
    if width is None:
        return line
    margin = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line.lstrip(),
        width,
        initial_indent=margin,
        subsequent_indent=f"{margin}{' ' * _INDENT}",
        break_on_hyphens=False,
    )
