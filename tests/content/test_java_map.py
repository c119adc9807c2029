from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.content import java_map
from streams.content.json_text import MAX_DEPTH, TooDeepError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"k": "v", "list": ["a", "b"], "map": {"x": True}}, "{k=v, list=[a, b], map={x=true}}"),
        ({"a": None, "b": "", "c": "-", "d": "none", "e": 1}, "{e=1}"),
        ({"a": {"b": [None, {"c": ""}]}}, None),
        ({"a": [{"b": "-"}, "x"]}, "{a=[x]}"),
        ({"a": False, "b": 0}, "{a=false, b=0}"),
        ({"a": "None", "b": " "}, "{a=None, b= }"),
        ({}, None),
        ([], None),
        ([1, [2, []]], "[1, [2]]"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (5.0, "5.0"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-123456789.5, "-1.234567895E8"),
        (1.5e-300, "1.5E-300"),
        (3.25, "3.25"),
        (float("nan"), None),
        (float("inf"), None),
        (10**5000, None),
        (-(10**30), "-1" + "0" * 30),
    ],
    ids=lambda value: str(value)[:30] if value != 10**5000 else "huge",
)
def test_a_value_is_written_as_java_does(value: Any, text: str | None) -> None:
    """U2: the text form of a map, without what counts as missing; numbers as ``Double.toString`` writes them."""
    assert java_map.write(value) == text


def test_what_is_nested_too_deeply_is_refused() -> None:
    """R3: the depth is bounded by a number and not by the stack."""
    value: Any = "x"
    for _ in range(MAX_DEPTH):
        value = [value]
    assert java_map.write(value) is not None
    with pytest.raises(TooDeepError):
        java_map.write([value])


NAMES = st.text("abcXYZ019._-:/", min_size=1).filter(lambda text: text not in ("-", "none", "null"))
MAPS = st.dictionaries(
    NAMES,
    st.recursive(
        NAMES,
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    ),
    min_size=1,
)


@given(MAPS)
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    """U2: the reader gives back a map of plain texts that the writer wrote."""
    assert java_map.parse(java_map.write(value) or "") == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_the_same(number: float) -> None:
    """U2: no digit of a number is lost."""
    assert float(java_map.write(number) or "") == number
