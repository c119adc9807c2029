"""The fast way along a path gives what the search through all spellings gives."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from streams.fields.path import Path, texts_of

KEYS = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(".".join)
LEAVES = st.none() | st.booleans() | st.sampled_from(["", "-", "none", "x", "y"]) | st.floats() | st.integers()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=20
)


@given(VALUES, KEYS)
@example({"a": {"b": "x"}, "a.b": "y"}, "a.b")
@example({"a": {"b": {"a": "-"}}}, "a.b.a")
def test_a_sole_text_is_read_as_any_other(value: Any, name: str) -> None:
    """U2: nested and dotted keys, lists and odd values give the same texts in the same order."""
    path = Path(name)
    assert path.texts(value) == texts_of(path.found(value))
