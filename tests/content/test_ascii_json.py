from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from streams.content.ascii_json import texts_in_ascii


@given(st.lists(st.text(st.characters())))
@example(["\x7f", "\ud800", 'a"b\\c', "\n", "é"])
@example([])
def test_texts_in_ascii(texts: list[str]) -> None:
    """They are what ``json.dumps`` writes: ids and stored keys depend on each byte."""
    assert texts_in_ascii(texts) == json.dumps(texts, separators=(",", ":")).encode("ascii")
