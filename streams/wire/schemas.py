"""The Avro schemas, as they ship: the newest of each subject, and every version that was ever released.

``schemas/<subject>.avsc`` is what values are read into: it has every field that the code knows.
``schemas/released/<subject>/<n>.avsc`` are the versions that releases can read. They are never changed and never
removed, so that whatever is still in a topic or a table can be read; ``versions.py`` says which one is written.
In the wheel both lie in ``streams/schemas``, in a checkout one level above the package.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from streams.wire.versions import VERSIONS, written_number

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUBJECTS = tuple(VERSIONS)


def _folder() -> Traversable:
    package = files("streams")
    shipped = package / "schemas"
    return shipped if shipped.is_dir() else package / ".." / "schemas"


def schema_text(subject: str) -> str:
    """The newest schema of ``subject`` as it is written in ``schemas/``; ``KeyError`` for an unknown subject."""
    if subject not in SUBJECTS:
        raise KeyError(subject)
    return (_folder() / f"{subject}.avsc").read_text(encoding="utf-8")


@cache
def newest(subject: str) -> dict[str, Any]:
    """The schema that values of ``subject`` are read into; not to be changed by the caller."""
    schema: dict[str, Any] = json.loads(schema_text(subject))
    return schema


@cache
def released(subject: str) -> tuple[dict[str, Any], ...]:
    """Every released schema of ``subject``, version 1 first; not to be changed by the caller."""
    versions = {int(file.name.removesuffix(".avsc")): file for file in (_folder() / "released" / subject).iterdir()}
    return tuple(json.loads(versions[number].read_text(encoding="utf-8")) for number in sorted(versions))


def written(subject: str) -> dict[str, Any]:
    """The schema that this release writes for ``subject``; not to be changed by the caller."""
    return released(subject)[written_number(subject) - 1]


def without_logical_types(schema: Any) -> Any:
    """The schema with every ``logicalType`` left out: the same bytes, with timestamps as the integers they are."""
    if isinstance(schema, dict):
        return {key: without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(part) for part in schema]
    return schema
