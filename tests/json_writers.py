"""Writers of JSON that escape characters and put blanks as other languages' writers do, or at random."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def escaping(escapes: Callable[[str], bool], blank: Callable[[], str] = str) -> Callable[[Any], str]:
    """Return a writer of JSON that escapes the given characters, and writes blanks between the parts."""

    def character(char: str) -> str:
        if escapes(char) and char <= "\uffff":
            return f"\\u{ord(char):04X}"
        return json.dumps(char, ensure_ascii=False)[1:-1]

    def write(value: Any) -> str:
        match value:
            case dict():
                members = (f"{write(key)}{blank()}:{write(member)}" for key, member in value.items())
                return f"{{{blank()}{','.join(members)}}}{blank()}"
            case list():
                return f"[{blank()}{','.join(map(write, value))}]{blank()}"
            case str():
                return '"' + "".join(map(character, value)) + '"'
        return json.dumps(value)

    return write


def at_random(random: Random) -> Callable[[Any], str]:
    return escaping(lambda _: random.random() < 0.05, lambda: random.choice(["", "", " ", "\t", "\r"]))


# No plain AssumeRoot and no plain awslogs is left.
NO_PLAIN_NAME = escaping(lambda char: char in "Rw")


# .NET's writer escapes quotes inside of strings, "+" and what HTML may not hold.
AS_DOTNET = escaping(lambda char: char in "\"+&<>'`")
