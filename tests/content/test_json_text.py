from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.content.json_text import MalformedJsonError, canonical, compact, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_what_is_written_is_read_back(value: Any) -> None:
    """R3: a value of any kind, with integers of any size, is the same after it is written and read."""
    assert parse(canonical(value)) == value
    assert parse(compact(value).encode()) == value


@given(st.recursive(st.integers(-(2**67), 2**67), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_long_integers_are_exact_in_every_layout(value: Any) -> None:
    """R3: integers keep all their digits, whatever stands before them."""
    for layout in ({"indent": "\t"}, {"indent": " "}, {"separators": (",", ":")}, {"separators": (", ", ": ")}):
        assert parse(json.dumps(value, **layout)) == value  # type: ignore[arg-type]  any layout


@given(JSON, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_change_canonical_json(value: Any, random: Any) -> None:
    """T6: all spellings of a record have the same canonical JSON."""
    document = {"a": value, "ä": 1, "B": [], "": None}
    keys = list(document)
    random.shuffle(keys)
    assert canonical({key: document[key] for key in keys}) == canonical(document)


def test_canonical_json_has_sorted_keys_no_blanks_and_plain_utf_8() -> None:
    """T6: it is what json.dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=False) writes."""
    assert canonical({"b": [1, 2.5, 1e16], "a": "é/\u007f\U0001f600\n", "B": None}) == (
        '{"B":null,"a":"é/\u007f\U0001f600\\n","b":[1,2.5,1e+16]}'
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551616", 2**64),
        ("-" + "9" * 4500, "-" + "9" * 4500),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ('"\\ud800x"', "\ufffdx"),
        ('{"\\udc00": 1}', {"\ufffd": 1}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_odd_values_are_kept_as_well_as_can_be(text: str, value: Any) -> None:
    """R3: digits are exact, odd numbers become text, a lone surrogate becomes U+FFFD, the last of equal keys counts."""
    assert parse(text) == value
    assert parse(text.encode()) == value


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"[" * 5000, b"[NaN" + b"[" * 200, b"{}{}"])
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    """R3: text that is not UTF-8, is not JSON, or is nested too deeply raises the same error."""
    with pytest.raises(MalformedJsonError):
        parse(text)


def test_the_same_depth_is_malformed_on_any_stack() -> None:
    """R3, M9: the accepted nesting does not depend on the caller's stack."""

    def deeper(frames: int, text: str) -> bool:
        if frames:
            return deeper(frames - 1, text)
        try:
            parse(text)
        except MalformedJsonError:
            return False
        return True

    for depth in (100, 120, 135, 300, 600):
        text = "[" * depth + "NaN" + "]" * depth
        assert deeper(0, text) == deeper(300, text) == (depth <= 128)


def test_errors_do_not_quote_the_text() -> None:
    """T7: errors go to logs, so they do not quote the text."""
    with pytest.raises(MalformedJsonError) as caught:
        parse(json.dumps({"sessionToken": "secret"})[:-4])
    assert "secret" not in str(caught.value)
