"""The values at a path of a JSON object.

Rules:
- A key that holds dots reads like nested keys: ``{"a.b": 1}`` and ``{"a": {"b": 1}}`` are alike.
- A list at any place of the path stands for its members, in order.
- Values are in the order of the object's keys, and equal texts count once.
- A list nested deeper than ``json_text.MAX_DEPTH`` has no values: a record that deep is malformed anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from streams.content.json_text import MAX_DEPTH
from streams.fields.values import NO_VALUES, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Levels = tuple[tuple[str, frozenset[str]], ...]
"""The path's keys, each with the keys that hold dots and may stand beside it."""

_Node = tuple[tuple[str, "_Node | None"], ...]
"""Each key that may come next, with what follows below it; ``None`` if its value is at the path's end."""


Reader = Callable[[Any], tuple[str, ...]]


class Path:
    """A path of keys, compiled once.

    Attributes:
        name: the keys, with dots between them.
        texts: returns the texts of the values at the path in an object, each once.
    """

    __slots__ = ("_node", "name", "texts")

    def __init__(self, name: str) -> None:
        self.name = name
        self._node = _compiled(name)
        self.texts: Reader = _reader(_levels(name), self._texts)

    def found(self, value: Any) -> Iterator[Any]:
        """Return what is at the path, objects included; lists are replaced by their members."""
        return _found(value, self._node, 0)

    def _texts(self, value: Any) -> tuple[str, ...]:
        return texts_of(self.found(value))


def _reader(levels: _Levels, slowly: Reader) -> Reader:
    """Return the fast way to read a sole text in nested objects; what is anything else is read slowly."""
    (last, _), outer = levels[-1], levels[:-1]
    if not outer:
        return _of_one_key(last, slowly)
    if len(outer) == 1:
        return _of_two_keys(outer[0], last, slowly)
    inner = _of_one_key(last, slowly)

    def texts(value: Any) -> tuple[str, ...]:
        found = value
        for key, joined in outer:
            if type(found) is not dict or not joined.isdisjoint(found):
                return slowly(value)
            found = found.get(key)
        if found is None:
            return ()
        return inner(found) if type(found) is dict and type(found.get(last)) is str else slowly(value)

    return texts


def _of_one_key(key: str, slowly: Reader) -> Reader:
    def texts(value: Any) -> tuple[str, ...]:
        if type(value) is dict:
            found = value.get(key)
            if type(found) is str:
                return () if found in NO_VALUES else (found,)
            if found is None:
                return ()
        return slowly(value)

    return texts


def _of_two_keys(level: tuple[str, frozenset[str]], last: str, slowly: Reader) -> Reader:
    key, (joined,) = level

    def texts(value: Any) -> tuple[str, ...]:
        if type(value) is dict and joined not in value and type(inner := value.get(key)) is dict:
            found = inner.get(last)
            if type(found) is str:
                return () if found in NO_VALUES else (found,)
            if found is None:
                return ()
        return slowly(value)

    return texts


def texts_of(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of values, each once; what is no value has none."""
    texts = (text_of(value) for value in values)
    return tuple(dict.fromkeys(text for text in texts if text is not None))


@cache
def _levels(name: str) -> _Levels:
    """Return the path's keys, each with the keys that hold dots and may stand beside it."""
    parts = name.split(".")
    return tuple(
        (key, frozenset(".".join(parts[start:end]) for end in range(start + 2, len(parts) + 1)))
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
