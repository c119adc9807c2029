"""The shipped Avro schemas: the newest of each subject, and every released version.

``schemas/<subject>.avsc`` is the newest: values are read into it, and it has every field that the code knows.
``schemas/released/<subject>/<n>.avsc`` are the versions that releases can read. They are never changed and never
removed, so that every value in a topic or a table stays readable. ``versions.py`` says which version is written.
In the wheel both are in ``streams/schemas``, in a checkout one level above the package.
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
    """Return the text of ``schemas/<subject>.avsc``.

    Raises:
        KeyError: the subject is unknown.
    """
    if subject not in SUBJECTS:
        raise KeyError(subject)
    return (_folder() / f"{subject}.avsc").read_text(encoding="utf-8")


@cache
def newest(subject: str) -> dict[str, Any]:
    """Return the schema that values of ``subject`` are read into; the caller must not change it."""
    schema: dict[str, Any] = json.loads(schema_text(subject))
    return schema


@cache
def released(subject: str) -> tuple[dict[str, Any], ...]:
    """Return every released schema of ``subject``, version 1 first; the caller must not change them."""
    versions = {int(file.name.removesuffix(".avsc")): file for file in (_folder() / "released" / subject).iterdir()}
    return tuple(json.loads(versions[number].read_text(encoding="utf-8")) for number in sorted(versions))


def written(subject: str) -> dict[str, Any]:
    """Return the schema that this release writes for ``subject``; the caller must not change it."""
    return released(subject)[written_number(subject) - 1]


def without_logical_types(schema: Any) -> Any:
    """Return the schema without any ``logicalType``: it has the same bytes, with timestamps as integers."""
    if isinstance(schema, dict):
        return {key: without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(part) for part in schema]
    return schema
