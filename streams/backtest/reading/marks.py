"""Which marks bytes have: of a rule, or of root alone, if root's actions are followed."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from streams import pipeline
from streams.backtest.reading.record_prefilter import narrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.backtest.reading.record_prefilter import Narrowed
    from streams.pipeline import ExtractSettings
    from streams.rules.rule_set import RuleSet

_OPEN, _CLOSE = b"{}"
_OPENS, _CLOSES = {_OPEN}, {_CLOSE}
_first, _last = itemgetter(0), itemgetter(-1)
_SEPARATOR = b"\n"  # no mark has a line end in it


class Marks(NamedTuple):
    """The marks that were found in bytes.

    Attributes:
        of_rule: whether there is one of a rule.
        any: whether there is one of a rule, or of root.
    """

    of_rule: bool = False
    any: bool = False


class MarkTests:
    """The tests of bytes for marks; without following, no mark is one of root alone."""

    def __init__(self, rules: RuleSet, extract_settings: ExtractSettings) -> None:
        """Test for the marks that messages must have under these settings."""
        sightings_alone = replace(extract_settings, follow_sessions=False)
        self._follows = extract_settings.follow_sessions
        # What is searched are objects: ``suspects`` and ``narrow`` tell all else by its first byte.
        self._find_of_rule = pipeline.compile_finder(rules, sightings_alone, only_objects=True)
        self._find_any = pipeline.compile_finder(rules, extract_settings, only_objects=True)
        self.of_rule = pipeline.compile_matcher(rules, sightings_alone)
        """Whether a message may hold a sighting."""
        self.any = pipeline.compile_matcher(rules, extract_settings)
        """Whether a message may hold a sighting, or an action that is followed."""

    def add(self, found: Marks, piece: bytes | bytearray) -> Marks:
        """The marks of a piece and of what was found before it."""
        if found.of_rule or not self.any(piece):  # one test for most pieces
            return found
        return Marks(not self._follows or self.of_rule(piece), any=True)

    def suspects(self, values: Sequence[bytes]) -> Iterable[int]:
        """The indexes of the messages that may have a mark, or may not be whole JSON objects, in order.

        All of them are searched at once: calling the search for each takes several times as long as searching.
        """
        together = _SEPARATOR.join(values)
        found = self._find_any(together, 0, len(together)) if values else ()
        if isinstance(found, range):
            return range(len(values))
        odd: set[int] = set()
        if not (all(values) and set(map(_first, values)) <= _OPENS and set(map(_last, values)) <= _CLOSES):
            odd.update(number for number, v in enumerate(values) if not v or v[0] != _OPEN or v[-1] != _CLOSE)
        if found:
            starts = [0, *(end + number for number, end in enumerate(accumulate(map(len, values[:-1])), 1))]
            odd.update(bisect_right(starts, position) - 1 for position in found)
        return sorted(odd)

    def narrow(self, value: bytes | bytearray) -> tuple[Narrowed | None, Narrowed | None]:
        """A log file with only the entries that may hold a sighting, and the same with those that hold an action too.

        Each is ``None`` if all of the value has to be read for that, see ``narrow``.
        """
        of_any = narrow(value, self.any, self._find_any)
        if not self._follows:
            return of_any, of_any
        return (
            narrow(value, self.of_rule, self._find_of_rule) if of_any is None else of_any.only(self.of_rule)
        ), of_any

    def narrow_to_any(self, value: bytes | bytearray) -> Narrowed | None:
        """The second of ``narrow`` alone."""
        return narrow(value, self.any, self._find_any)
