"""Which rows may hold a mark: writing a row as JSON takes ten times as long as decoding it.

The texts of a column lie behind each other in one buffer. So one search per column and batch tells for nearly all
columns that no row has a mark; only in the others is each text searched. It finds more rows than JSON would, never
fewer: ``Reader`` then tests the JSON of each.

A literal is in a text of the row, because a field's value is (``inputs/prefilter.py``). Text that holds JSON may hide
it behind an escape. The booleans have texts of their own in JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from stringzilla import find

from streams.inputs.literal_search import LiteralSearch, searchable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.inputs.byte_marks import Buffer
    from streams.rules.rule_set import RuleSet

_OCSF = "class_uid"
_BOOLEANS = ("true", "false")
_ESCAPE = b"\\u00"
_ROOT = b"Root"
# The type of root's identity is a text by itself, or in JSON, or in the text form of a Java map.
_ROOT_TEXTS = ('"Root', "=Root")


class Candidates(Protocol):
    """Returns the indexes of a batch's rows that may have a mark, in order."""

    def __call__(self, batch: Any, /) -> Sequence[int]:
        """Look at a record batch."""


def all_rows(batch: Any) -> Sequence[int]:
    """Return every row."""
    return range(batch.num_rows)


def compile_candidates(rules: RuleSet, names: Sequence[str], *, follow_sessions: bool) -> Candidates:
    """Return the search for rows that may have a mark.

    Args:
        rules: the rules.
        names: the names of the columns. Without those of OCSF nothing is known of the rows, so all are candidates.
        follow_sessions: whether rows of root are wanted too.
    """
    literals = searchable(rules.literals)
    if literals is None or _OCSF not in names:
        return all_rows
    if any(literal.decode() in text for literal in literals for text in _BOOLEANS):
        return all_rows
    return _Search(literals, follow_sessions=follow_sessions)


class _Search:
    def __init__(self, literals: frozenset[bytes], *, follow_sessions: bool) -> None:
        roots = _ROOT_TEXTS if follow_sessions else ()
        self._literals = LiteralSearch(literals | {_ROOT} if follow_sessions else literals)
        texts = (*sorted(literal.decode() for literal in literals), _ESCAPE.decode(), *roots)
        self._pattern = "|".join(map(re.escape, texts)) + ("|^Root$" if follow_sessions else "")

    def __call__(self, batch: Any) -> Sequence[int]:
        rows: set[int] = set()
        for column in batch.columns:
            for texts, parents in _leaves(column, None):
                content = _content(texts)
                if self._literals.is_in(content) or find(content, _ESCAPE) >= 0:
                    hits = pc.indices_nonzero(pc.match_substring_regex(texts, self._pattern))
                    rows.update((hits if parents is None else parents.take(hits)).to_pylist())
        return sorted(rows)


def _leaves(array: Any, parents: Any) -> Iterator[tuple[Any, Any]]:
    """Give the arrays of texts in an array, each with the row of each text; ``None`` if its index is its row."""
    kind = array.type
    if pa.types.is_struct(kind):
        for member in array.flatten():
            yield from _leaves(member, parents)
    elif pa.types.is_map(kind):  # Arrow's functions for lists abort the process if they are given a map
        for members in (array.keys, array.items):
            yield from _leaves(pa.ListArray.from_arrays(array.offsets, members), parents)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        rows = pc.list_parent_indices(array)
        yield from _leaves(array.flatten(), rows if parents is None else parents.take(rows))
    elif pa.types.is_dictionary(kind):
        yield from _leaves(array.dictionary_decode(), parents)
    elif pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        yield array, parents


def _content(texts: Any) -> Buffer:
    """Return the texts of an array, behind each other as they lie in memory."""
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None or not content.size:
        return memoryview(b"")
    whole = memoryview(offsets).cast("B")
    ends = whole.cast("q") if pa.types.is_large_string(texts.type) else whole.cast("i")
    return memoryview(content).cast("B")[ends[texts.offset] : ends[texts.offset + len(texts)]]
