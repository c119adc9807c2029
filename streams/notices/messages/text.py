"""A notice as text: plain, or in Markdown, or as short as can be.

Callers, and so attackers, chose some of the values. No value may format the text, add a line to it, or call people: in
some services ``@everyone`` or ``<!channel>`` would. Such words get an invisible mark (U+200B) after their first sign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from streams.content.printable import printable

if TYPE_CHECKING:
    from streams.notices.messages.notice import Notice

LONGEST_VALUE = 300
LONGEST_TITLE = 200
_CALL = re.compile(r"((?<!\w)@(?=(?:everyone|here|channel|all|group|team)\b)|<(?=[!@#/a-z]))", re.IGNORECASE)
_FORMATS = re.compile(r"([\\`*_\[\]<>~|&#!])")
_FENCES = re.compile(r"`+")


class Text(NamedTuple):
    """A title of one line, and a body."""

    title: str
    body: str


def plain(notice: Notice) -> Text:
    """The notice for services that show text as it is."""
    lines = [_sentence(notice.reason), ""]
    lines += [f"What to do: {_literal(notice.link)}"] if notice.link else []
    lines += [f"{name}: {_value(value)}" for name, value in notice.facts]
    return Text(_title(notice.title), "\n".join(lines))


def markdown(notice: Notice) -> Text:
    """The notice in CommonMark, for services that show it or take HTML; values are code and so literal."""
    lines = [_escaped(_sentence(notice.reason)), ""]
    lines += [f"- **What to do:** {_literal(notice.link)}"] if notice.link else []
    lines += [f"- **{_escaped(name)}:** {_code(_value(value))}" for name, value in notice.facts]
    return Text(_title(notice.title), "\n".join(lines))


def short(notice: Notice) -> Text:
    """The least that helps, of nothing that a caller has chosen: for a service that refuses the whole text."""
    about = f" {notice.lookup}" if notice.lookup else ""
    more = f" Read it with: rootwatch session {notice.lookup}" if notice.lookup else ""
    title = f"[{notice.severity}] rootwatch: {notice.kind}{about}"
    return Text(title, f"The service refused the whole text of this notice.{more}")


def facts(notice: Notice) -> dict[str, str]:
    """The facts for services that show names and values by themselves."""
    return {name: _value(value) for name, value in notice.facts}


def _title(text: str) -> str:
    return _cut(_literal(text), LONGEST_TITLE)


def _sentence(text: str) -> str:
    shown = _cut(_literal(text), 2 * LONGEST_VALUE)
    return shown if shown.endswith((".", "…")) else f"{shown}."


def _value(text: str) -> str:
    return _cut(_literal(text), LONGEST_VALUE)


def _literal(text: str) -> str:
    return _CALL.sub("\\1\u200b", printable(text))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _escaped(text: str) -> str:
    return _FORMATS.sub(r"\\\1", text)


def _code(text: str) -> str:
    """The text as a code span, whose fence is longer than any row of backticks in it."""
    fence = "`" * (1 + max((len(row) for row in _FENCES.findall(text)), default=0))
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"
