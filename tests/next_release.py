"""A copy of the source tree as a later release of it would be: with one more version of the sighting and pair schemas.

The release that only reads the version, and the one that writes it, differ in one line, as ``streams/wire/versions.py``
says. The new field is called ``noted``.
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
SUBJECTS = ("sighting", "pair")
NOTED = {"name": "noted", "type": ["null", "string"], "default": None, "doc": "What the next release notes."}
# The last field of each value, and the module that it is in.
_LAST_FIELDS = {
    "streams/extraction/sighting.py": "    teaching: bool = False\n",
    "streams/detection/memory.py": "    times_seen: int\n",
}


def next_schema(subject: str) -> dict[str, Any]:
    """The schema of the next version of ``sighting`` or ``pair``."""
    schema = newest(subject)
    return {**schema, "fields": [*schema["fields"], NOTED]}


def schema_versions() -> dict[bytes, str]:
    """Whether a value is of this release's schemas (``old``) or of the next version (``new``), by its fingerprint."""
    old = {fingerprint(schema): "old" for subject in SUBJECTS for schema in released(subject)}
    return old | {fingerprint(next_schema(subject)): "new" for subject in SUBJECTS}


def next_release(folder: Path, *, writes: bool) -> Mapping[str, str]:
    """Make the copy in ``folder``.

    Args:
        folder: where it goes; it is made.
        writes: whether it writes the new version; it reads it anyway.

    Returns:
        What the environment of its processes has besides.
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
