"""The fields by all their names: ECS and ``aws.cloudtrail.*``, CloudTrail's own paths, and ``rootwatch.*`` (U2)."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from streams.content.json_text import MAX_DEPTH
from streams.fields.mapping import (
    ADDRESSES,
    FLATTENED,
    MAPPED,
    MAPPING_VERSION,
    NOT_IN_THE_BYTES,
    NUMBERS,
    SECTIONS,
    UNMAPPED,
)

__all__ = ["MAPPING_VERSION", "Field", "Kind", "UnknownFieldError", "field_named", "known_names"]

Kind = Literal["text", "address", "number"]

_MOST_NEAREST = 3
_LEAST_LIKENESS = 0.6
_LEAF = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Field:
    """A field. Two names of one field give equal fields.

    Attributes:
        name: its first name, such as ``event.action``.
        kind: what its values are; ``address`` and ``number`` limit what a query may compare them with.
        verbatim: whether each value stands in the record's bytes as written, or JSON-escaped. Exception: a number may
            be written in another form, so a literal whose only letters are ``e`` must not be searched as bytes.
    """

    name: str
    kind: Kind
    verbatim: bool

    def __hash__(self) -> int:
        return hash(self.name)


class UnknownFieldError(ValueError):
    """No field has this name.

    Attributes:
        name: the name.
        nearest: the nearest known names, the best first; perhaps none.
    """

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        super().__init__(name, nearest)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        return f"no field is named {self.name}{hint}"


@cache
def field_named(name: str) -> Field:
    """Return the field of a name.

    Raises:
        UnknownFieldError: no field has this name, or it names an object and no leaf in it.
    """
    known = _first_names().get(name) or _leaf_name(name)
    if known is None:
        raise UnknownFieldError(name, _nearest(name))
    if known != name:
        return field_named(known)
    kind: Kind = "address" if known in ADDRESSES else "number" if known in NUMBERS else "text"
    return Field(known, kind, verbatim=known not in NOT_IN_THE_BYTES)


@cache
def known_names() -> tuple[str, ...]:
    """Return all names in order; a section's leaves appear once, as ``requestParameters.*`` and its long name."""
    leaves = (f"{section}.*" for pair in SECTIONS.items() for section in (pair[0], f"{FLATTENED}.{pair[1]}"))
    return tuple(sorted((*_first_names(), *leaves)))


@cache
def _first_names() -> dict[str, str]:
    names = {name: name for name in (*MAPPED, *UNMAPPED)}
    return names | {path: name for name, paths in MAPPED.items() for path in paths}


def _leaf_name(name: str) -> str | None:
    """Return the first name of a leaf of the request parameters and such; ``None`` for any other name."""
    for prefix, first in _prefixes():
        if name.startswith(prefix) and _LEAF.fullmatch(leaf := name[len(prefix) :]) and leaf.count(".") < MAX_DEPTH:
            return first + leaf
    return None


@cache
def _prefixes() -> tuple[tuple[str, str], ...]:
    longs = {section: f"{FLATTENED}.{name}." for section, name in SECTIONS.items()}
    return tuple((prefix, long) for section, long in longs.items() for prefix in (f"{section}.", long))


def _nearest(name: str) -> tuple[str, ...]:
    """Return the names that are most like an unknown one: those below it, then those spelled like it."""
    below = sorted(known for known in known_names() if known.startswith(f"{name}."))
    spelled = {known.lower(): known for known in _first_names()}
    spelled |= {leaf.lower(): leaf for leaf in _leaves_like(name)}
    like = difflib.get_close_matches(name.lower(), spelled, _MOST_NEAREST, _LEAST_LIKENESS)
    return tuple(dict.fromkeys((*below, *(spelled[one] for one in like))))[:_MOST_NEAREST]


def _leaves_like(name: str) -> tuple[str, ...]:
    """Return the leaves that a name may mean if the object around its leaf is misspelled."""
    found = []
    for prefix, _ in _prefixes():
        parts = name.split(".")
        count = prefix.count(".")
        leaf = ".".join(parts[count:])
        if _LEAF.fullmatch(leaf):
            found.append(prefix + leaf)
    return tuple(found)
