"""The root actions of one message, for a replay that follows sessions (S2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.sessions.action import Action
from streams.sessions.candidate import candidate

if TYPE_CHECKING:
    from collections.abc import Iterator


def root_actions(value: bytes, limit: int) -> Iterator[Action]:
    """The candidates of a message; ``limit`` is how many bytes it may have, decompressed."""
    for item in read(value, limit):
        if isinstance(item, Record) and isinstance(action := candidate(item), Action):
            yield action
