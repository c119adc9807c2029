"""Which versions of each schema this release reads, and which one it writes.

Workers of two releases run beside each other while one replaces the other, and a value that a worker cannot read stops
it. So a version is readable in one release before a later one writes it: then each of two neighbouring releases reads
what the other writes, on the way forward and on the way back. CONTRIBUTING.md, "Releasing a schema", has the steps.
"""

from __future__ import annotations

from typing import NamedTuple


class Version(NamedTuple):
    """One version of a schema; its file is ``schemas/released/<subject>/<number>.avsc``.

    Attributes:
        read_since: the first release that reads it; all later ones do.
        written_since: the first release that writes it; ``None`` if none does yet.
    """

    read_since: str
    written_since: str | None


# Version 1 of each subject first; a line is only ever added, or its None replaced.
VERSIONS = {
    "alert": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "sighting": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "pair": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "bucket": (Version(read_since="0.1.0", written_since="0.1.0"),),
}


def written_number(subject: str) -> int:
    """The number of the version that this release writes; the first is 1."""
    return max(number for number, version in enumerate(VERSIONS[subject], 1) if version.written_since is not None)
