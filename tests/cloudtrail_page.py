"""What ``docs/cloudtrail-to-kafka.md`` shows: its configurations and the output of its commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[1] / "docs" / "cloudtrail-to-kafka.md"
TEXT = PAGE.read_text(encoding="utf-8")


class Block(NamedTuple):
    """A block of code: the operation of AWS in the comment before it (or nothing), its language, its text."""

    operation: str
    language: str
    text: str


_BLOCK = re.compile(
    r"(?:<!-- aws: (?P<operation>\w+ \w+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
BLOCKS = [Block(found["operation"] or "", found["language"], found["text"]) for found in _BLOCK.finditer(TEXT)]
"""Every block of code of the page, in its order."""


def of_language(language: str) -> list[str]:
    """The texts of the blocks in a language, in the page's order."""
    return [block.text for block in BLOCKS if block.language == language]


def shown() -> list[tuple[str, str]]:
    """Each command of the page's ``console`` blocks, and the lines of output below it."""
    return [
        (command, output)
        for block in of_language("console")
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]
