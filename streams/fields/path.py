"""The values at a path of a JSON object.

Rules:
- A key that holds dots reads like nested keys: ``{"a.b": 1}`` and ``{"a": {"b": 1}}`` are alike.
- A list at any place of the path stands for its members, in order.
- Values are in the order of the object's keys, and equal texts count once.
- A list nested deeper than ``json_text.MAX_DEPTH`` has no values: a record that deep is malformed anyway.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from streams.content.json_text import MAX_DEPTH
from streams.fields.values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Node = tuple[tuple[str, "_Node | None"], ...]
"""Each key that may come next, with what follows below it; ``None`` if its value is at the path's end."""


class Path:
    """A path of keys, compiled once.

    Attributes:
        name: the keys, with dots between them.
    """

    __slots__ = ("_levels", "_node", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._node = _compiled(name)
        self._levels = _levels(name)

    def texts(self, value: Any) -> tuple[str, ...]:
        """Return the texts of the values at the path, each once."""
        found = value  # the fast way, for nested objects and a sole value
        for key, joined in self._levels:
            if not isinstance(found, dict) or not found.keys().isdisjoint(joined):
                break
            found = found.get(key)
        else:
            if not isinstance(found, list):
                text = text_of(found)
                return () if text is None else (text,)
        return texts_of(self.found(value))

    def found(self, value: Any) -> Iterator[Any]:
        """Return what is at the path, objects included; lists are replaced by their members."""
        return _found(value, self._node, 0)


def texts_of(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of values, each once; what is no value has none."""
    texts = (text_of(value) for value in values)
    return tuple(dict.fromkeys(text for text in texts if text is not None))


@cache
def _levels(name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the path's keys, each with the keys that hold dots and may stand beside it."""
    parts = name.split(".")
    return tuple(
        (key, tuple(".".join(parts[start:end]) for end in range(start + 2, len(parts) + 1)))
        for start, key in enumerate(parts)
    )


@cache
def _compiled(name: str) -> _Node:
    parts = name.split(".")
    below = ((".".join(parts[:count]), ".".join(parts[count:])) for count in range(1, len(parts)))
    return (*((key, _compiled(rest)) for key, rest in below), (name, None))


def _found(value: Any, node: _Node | None, depth: int) -> Iterator[Any]:
    if isinstance(value, list):
        if depth < MAX_DEPTH:
            for member in value:
                yield from _found(member, node, depth + 1)
    elif node is None:
        yield value
    elif isinstance(value, dict):
        hits = [(key, below) for key, below in node if key in value]
        if len(hits) > 1:
            keys = dict.fromkeys(key for key, _ in hits)
            order = [key for key in value if key in keys]
            hits.sort(key=lambda hit: order.index(hit[0]))
        for key, below in hits:
            yield from _found(value[key], below, depth)
