"""The fast way to a field of an Elastic document gives what the way through all spellings gives."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from streams.inputs.elastic import ecs
from streams.inputs.elastic.ecs import Ecs

KEYS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(".".join)
BODIES = st.recursive(
    st.none() | st.text(max_size=1) | st.integers(0, 1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(st.dictionaries(KEYS, BODIES, max_size=4), KEYS)
@example({"a": {"b": None}, "a.b": 1}, "a.b")
@example({"a": [{"b": [1]}]}, "a.b")
def test_each_spelling_counts_as_before(body: dict[str, Any], name: str) -> None:
    """R1: nested keys come first, then dotted ones, at every level; an array of one is its element."""
    assert Ecs((body,)).value(name) == ecs._at_any(body, name)  # noqa: SLF001  the slow way is the oracle
