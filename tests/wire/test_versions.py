"""The releases that read and write each version: readable first, because two releases run beside each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import streams
from streams.wire.schemas import SUBJECTS, newest, released, written
from streams.wire.single_object import fingerprint
from streams.wire.versions import VERSIONS, Version, written_number


def order(release: str | None) -> tuple[int, ...]:
    """Return a release's position among the others; ``None`` comes after every release."""
    return tuple(map(int, release.split(".dev")[0].split("."))) if release else (1 << 30,)


def problems(versions: tuple[Version, ...]) -> list[str]:
    """Return in words what is wrong with a subject's versions."""
    found = []
    for number, version in enumerate(versions, 1):
        read, written_since = order(version.read_since), order(version.written_since)
        if written_since < read or (number > 1 and written_since == read):
            found.append(f"version {number} is written before another release has read it")
        if number > 1 and (read, written_since) < (order(versions[number - 2][0]), order(versions[number - 2][1])):
            found.append(f"version {number} comes before the one before it")
    return found


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_version_is_read_one_release_before_it_is_written(subject: str) -> None:
    """Every version but the first is readable in an earlier release than the first that writes it."""
    assert problems(VERSIONS[subject]) == []


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Version("0.2.0", None), []),
        (Version("0.2.0", "0.3.0"), []),
        (Version("0.9.0", "0.10.0"), []),
        (Version("0.2.0", "0.2.0"), ["version 2 is written before another release has read it"]),
        (Version("0.3.0", "0.2.0"), ["version 2 is written before another release has read it"]),
        (Version("0.0.9", "0.3.0"), ["version 2 comes before the one before it"]),
    ],
)
def test_what_the_rule_says(second: Version, said: list[str]) -> None:
    """The check above finds exactly the versions that are written too early, or in a wrong order."""
    assert problems((Version("0.1.0", "0.1.0"), second)) == said


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_table_is_of_what_ships(subject: str) -> None:
    """Each file of ``schemas/released`` has a line, of this release or an earlier one; a written version has a file."""
    assert len(VERSIONS[subject]) == len(released(subject))
    known = order(streams.__version__)
    for version in VERSIONS[subject]:
        assert order(version.read_since) <= known
        assert version.written_since is None or order(version.written_since) <= known
    assert written(subject) == released(subject)[written_number(subject) - 1]
    assert {field["name"] for field in written(subject)["fields"]} <= {
        field["name"] for field in newest(subject)["fields"]
    }


def test_the_guide_lists_every_version() -> None:
    """docs/operations.md has each version's row, by which a fingerprint leads to the release that reads it."""
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [
        f"| `{schema['namespace']}.{schema['name']}` | {number} | `{fingerprint(schema).hex()}` "
        f"| {version.read_since} | {version.written_since or 'not yet'} |"
        for subject, versions in VERSIONS.items()
        for number, (version, schema) in enumerate(zip(versions, released(subject), strict=True), 1)
    ]
    assert re.findall(r"^\| `rootwatch\.[\w.]+` \| \d.*$", guide, re.MULTILINE) == rows
