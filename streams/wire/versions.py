"""The versions of each schema that this release reads, and the version that it writes.

During an upgrade, workers of two releases run beside each other, and a worker stops at a value that it cannot read. So
a version is readable in one release before a later release writes it. Then two neighbouring releases can read each
other's values, for an upgrade and for the way back. CONTRIBUTING.md, "Releasing a schema", has the steps.
"""

from __future__ import annotations

from typing import NamedTuple


class Version(NamedTuple):
    """One version of a schema; its file is ``schemas/released/<subject>/<number>.avsc``.

    Attributes:
        read_since: the first release that reads it; all later releases do too.
        written_since: the first release that writes it; ``None`` if none does yet.
    """

    read_since: str
    written_since: str | None


# Version 1 of each subject first; a line is only ever added, or its None replaced.
VERSIONS = {
    "alert": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "sighting": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "tuple": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "group": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "rule": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "bucket": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "activity": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "session_summary": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "session_item": (Version(read_since="0.1.0", written_since="0.1.0"),),
    "session_state": (Version(read_since="0.1.0", written_since="0.1.0"),),
}


def written_number(subject: str) -> int:
    """Return the number of the version that this release writes; the first is 1."""
    return max(number for number, version in enumerate(VERSIONS[subject], 1) if version.written_since is not None)
