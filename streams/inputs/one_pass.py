r"""The search of a large text in one pass, for all that ``prefilter`` searches for.

A log file of a trail has some 200 kB. A search for the literal, one for a backslash and one for keys are three passes,
and take twice as long as one for everything. In a small text the calls decide, so ``prefilter`` searches it otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.byte_marks import AWSLOGS, LONG_STARTS, PARTS_WITH_VALUE, ROOT, MarkSearch
from streams.inputs.envelopes.carried import BASE64_KEYS
from streams.inputs.literal_search import ESCAPE, EscapeSearch

if TYPE_CHECKING:
    import re
    from collections.abc import Collection

LARGE = 16 * 1024
"""From this size on, in bytes, one pass is faster."""


class OnePass:
    """The search of a large text."""

    def __init__(self, literals: Collection[bytes], root: re.Pattern[bytes] | None) -> None:
        """Prepare the search for these literals, and for root if there is a pattern for it."""
        alone = (*sorted(literals), *LONG_STARTS, ESCAPE)
        self._literals = len(literals)
        self.others = (*alone[self._literals :], *PARTS_WITH_VALUE, *(() if root is None else (ROOT,)))
        """What is searched for beside the literals. If one of these can hide a literal, the search may miss it."""
        self._escape = len(alone) - 1
        self._marks = MarkSearch(alone, PARTS_WITH_VALUE, (AWSLOGS, *BASE64_KEYS), root)
        self._first_escape = EscapeSearch(literals).first

    def holds_mark(self, text: bytes | bytearray) -> bool | None:
        """Whether a text holds a literal, or is of root; ``None`` if it holds neither, but what can hide one."""
        first_escape = len(text)
        has_key = False
        for pattern, at, after in self._marks.matches(text):
            if pattern < self._literals or self._marks.is_root(pattern, text, after):
                return True
            # The part of a key may end with the backslash of an escape.
            if pattern == self._escape or text[after - 1 : after] == b"\\":
                first_escape = min(first_escape, at)
            has_key = has_key or self._marks.is_key(pattern, text, after)
        if has_key or self._first_escape(text, first_escape, len(text)) is not None:
            return None
        return False
