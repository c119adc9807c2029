"""``docs/semantics.md`` has every statement that is cited."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"^### ([A-Z]\d+)$", PAGE, re.MULTILINE)
# Not ATT&CK's techniques and tactics (T1548, TA0004), and not a part of another word.
CITED = re.compile(r"(?<![\w.:/-])[RTMASPU][1-9][0-9]?(?![\w.:/-]*\w)")


def cited() -> dict[str, set[str]]:
    """The numbers that code, tests and documents cite, each with the citing files."""
    found: dict[str, set[str]] = {}
    for folder, pattern in (("streams", "**/*.py"), ("tests", "**/*.py"), ("tests", "**/*.toml"), ("docs", "*.md")):
        for path in (ROOT / folder).glob(pattern):
            for number in CITED.findall(path.read_text(encoding="utf-8")):
                found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_cited_number_is_there() -> None:
    """Each number that code, tests or documents cite, such as M8, has its heading in docs/semantics.md."""
    missing = {number: sorted(files) for number, files in cited().items() if number not in STATEMENTS}
    assert missing == {}, "docs/semantics.md has no heading for these"


def test_numbers_are_found() -> None:
    """The search finds numbers of all kinds, so that the test above has something to check."""
    assert {"R1", "R9", "T1", "T7", "M1", "M9", "A1", "A5", "P1"} <= cited().keys()


def test_each_number_is_there_once_and_in_order() -> None:
    """The statements of a kind are numbered from 1, without gaps."""
    for kind in "RTMASP":
        numbers = [int(number[1:]) for number in STATEMENTS if number[0] == kind]
        assert numbers == list(range(1, len(numbers) + 1)), kind


def test_only_documents_that_ship_are_cited() -> None:
    """Code and tests cite no section of a document that is not in the repository."""
    here = Path(__file__)
    paths = [path for folder in ("streams", "tests") for path in (ROOT / folder).rglob("*.py") if path != here]
    text = {path: path.read_text(encoding="utf-8") for path in paths}
    assert [path.name for path in paths if re.search(r"(?i)\bsection \d|\bthe design\b", text[path])] == []
