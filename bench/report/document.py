"""Fills the places of a document: ``<!-- NAME -->`` and ``<!-- /NAME -->`` on lines of their own stand around each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLACE = re.compile(r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->$", re.MULTILINE | re.DOTALL)


def fill(text: str, contents: Mapping[str, Callable[[], str]]) -> str:
    """Return the text with every place filled.

    Raises:
        ValueError: a place has a name that is not in ``contents``.
    """

    def filled(place: re.Match[str]) -> str:
        name = place[1]
        if name not in contents:
            raise ValueError(f"<!-- {name} -->: there is no such table; there are {', '.join(sorted(contents))}")
        return f"<!-- {name} -->\n{contents[name]()}\n<!-- /{name} -->"

    return PLACE.sub(filled, text)
