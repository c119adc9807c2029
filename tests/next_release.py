"""A copy of the source tree like a later release, with one more version of the sighting and tuple schemas.

A release that only reads the version and one that writes it differ in one line of ``streams/wire/versions.py``. The new
field is called ``noted``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.wire.schemas import newest, released
from streams.wire.single_object import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
SUBJECTS = ("sighting", "tuple")
NOTED = {"name": "noted", "type": ["null", "string"], "default": None, "doc": "What the next release notes."}
# The last field of each value, and its module.
_LAST_FIELDS = {
    "streams/extraction/sighting.py": "    teaching: bool = False\n",
    "streams/detection/memory.py": "    times_seen: int\n",
}


def next_schema(subject: str) -> dict[str, Any]:
    """The schema of the next version of ``sighting`` or ``tuple``."""
    schema = newest(subject)
    return {**schema, "fields": [*schema["fields"], NOTED]}


def schema_versions() -> dict[bytes, str]:
    """Whether a value is of this release's schemas (``old``) or of the next version (``new``), by its fingerprint."""
    old = {fingerprint(schema): "old" for subject in SUBJECTS for schema in released(subject)}
    return old | {fingerprint(next_schema(subject)): "new" for subject in SUBJECTS}


def next_release(folder: Path, *, writes: bool) -> Mapping[str, str]:
    """Make the copy in ``folder``.

    Args:
        folder: the folder to create.
        writes: whether the copy writes the new version; it can read it anyway.

    Returns:
        Additional environment variables for its processes.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("streams", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for subject in SUBJECTS:
        text = json.dumps(next_schema(subject))
        (folder / "schemas" / f"{subject}.avsc").write_text(text)
        (folder / "schemas" / "released" / subject / f"{len(released(subject)) + 1}.avsc").write_text(text)
    for path, field in _LAST_FIELDS.items():
        source = (folder / path).read_text()
        assert source.count(field) == 1
        (folder / path).write_text(source.replace(field, f'{field}    noted: str | None = "by the next release"\n'))
    with (folder / "streams" / "wire" / "versions.py").open("a") as versions:
        for subject in SUBJECTS:
            versions.write(f'VERSIONS["{subject}"] += (Version("0.2.0", {"0.3.0" if writes else None!r}),)\n')
    return {"PYTHONPATH": str(folder)}
