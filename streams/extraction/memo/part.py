"""Reading a few values of a raw record, without making objects of all the rest.

The reader takes a record only in CloudTrail's usual form: each value is a text, a boolean or missing, and all that is
around it is an object. It knows no lists, no keys with dots and no other shapes; for these, records are read in full.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

UNUSUAL = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What reading a part raises if the bytes are not such a record. They may be no JSON at all."""

_Tree = dict[str, "_Tree"]

# As ``cloudtrail.has_usual_form`` asks: text in place of these is a form of its own.
_OBJECTS = ("requestParameters", "responseElements", "userIdentity")


class _Object(msgspec.Struct, frozen=True, gc=False):
    """An object of which nothing is read."""


class Part:
    """The values at some paths of records.

    Attributes:
        decode: reads the part of a record; raises one of ``UNUSUAL`` if the record has no usual form.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        tree: _Tree = {}
        for path in (*_OBJECTS, *sorted(paths)):
            node = tree
            for key in path.split("."):
                node = node.setdefault(key, {})
        self._places: dict[str, str] = {}
        top = self._struct(tree, (), ())
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(top).decode

    def getter(self, paths: Collection[str]) -> Callable[[Any], tuple[Any, ...]]:
        """Return what gives the values at two or more paths of a decoded part.

        It raises ``AttributeError`` for an object that is null.

        Raises:
            KeyError: a path is that of an object.
        """
        return attrgetter(*[self._places[path] for path in paths])

    def _struct(self, tree: _Tree, keys: tuple[str, ...], places: tuple[str, ...]) -> type[Any]:
        """Return the type of an object at these keys, with the attributes that lead to it."""
        fields: list[Any] = []
        for number, (key, below) in enumerate(tree.items()):
            place = f"at_{number}"
            if below:
                inner = self._struct(below, (*keys, key), (*places, place))
                fields.append((place, inner | None, msgspec.field(default=inner(), name=key)))
            elif not keys and key in _OBJECTS:
                fields.append((place, _Object | None, msgspec.field(default=None, name=key)))
            else:
                self._places[".".join((*keys, key))] = ".".join((*places, place))
                fields.append((place, str | bool | None, msgspec.field(default=None, name=key)))
        # A key with dots would have a value of one of the paths, too.
        fields += [
            (f"dotted_{number}", None, msgspec.field(default=None, name=key))
            for number, key in enumerate(sorted(_dotted(tree)))
        ]
        if not keys:  # text or an object in place of the list is a form of its own
            fields.append(("resources", list[_Object] | None, msgspec.field(default=None)))
        return msgspec.defstruct("Part", fields, frozen=True, gc=False)


def _dotted(tree: _Tree) -> set[str]:
    """Return the keys with dots that stand for several keys of a tree, from its first ones on."""
    found: set[str] = set()
    for key, below in tree.items():
        found |= {f"{key}.{inner}" for inner in (*below, *_dotted(below))}
    return found
