"""How each field is read from a document of Elastic: at its own name, nested or dotted, and nowhere else (U2).

A leaf of the request parameters and such may be missing in ``flattened``. Then it is read from the object that the
pipeline did not rename, or from the text of that object: JSON, or the text form of a Java map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from streams.content import text_object
from streams.fields.derived import Texts, addresses, dataset
from streams.fields.mapping import ADDRESSES, CLOUDTRAIL, FLATTENED, SECTIONS
from streams.fields.path import Path

Forms = dict[str, Any]
"""What the texts of a document's sections were read as, by the section's name in documents."""

Bodies = tuple[Mapping[str, Any], ...]
"""The objects that hold a document's fields; the first that has a field counts."""

DocumentReader = Callable[[Bodies, Forms], Texts]


@cache
def document_reader(name: str) -> DocumentReader:
    """Return what reads the field of this first name from the bodies of a document."""
    if name in ("event.dataset", "data_stream.dataset"):
        return lambda bodies, _: dataset(bodies[0] if bodies else {})
    for section in SECTIONS.values():
        if name.startswith(prefix := f"{FLATTENED}.{section}."):
            return _leaf_reader(name, section, name.removeprefix(prefix))
    path = Path(name)
    if name in ADDRESSES:
        return lambda bodies, _: addresses(_first(bodies, path))
    return lambda bodies, _: _first(bodies, path)


def _leaf_reader(name: str, section: str, leaf: str) -> DocumentReader:
    own, below, whole, inner = Path(name), Path(f"{CLOUDTRAIL}.{section}.{leaf}"), _section(section), Path(leaf)

    def read(bodies: Bodies, forms: Forms) -> Texts:
        if texts := _first(bodies, own) or _first(bodies, below):
            return texts
        if section not in forms:
            forms[section] = [text_object.parse(text) for text in _first(bodies, whole)]
        return inner.texts(forms[section])

    return read


@cache
def _section(section: str) -> Path:
    return Path(f"{CLOUDTRAIL}.{section}")


def _first(bodies: Bodies, path: Path) -> Texts:
    for body in bodies:
        if texts := path.texts(body):
            return texts
    return ()
