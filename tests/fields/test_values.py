from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.content import json_text
from streams.fields.values import canonical_address, text_of

TEXTS: list[tuple[Any, str | None]] = [
    ("a", "a"),
    (" a ", " a "),
    (" ", " "),
    ("", None),
    ("-", None),
    ("none", None),
    ("None", "None"),
    ("null", "null"),
    (None, None),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-1, "-1"),
    (5, "5"),
    (5.0, "5"),
    (-0.0, "0"),
    (1e3, "1000"),
    (1e22, "10000000000000000000000"),
    (0.1, "0.1"),
    (1.5e-7, "1.5e-07"),
    (1e99, str(int(1e99))),
    (1e100, None),
    (1e300, None),
    (10**100 - 1, "9" * 100),
    (10**100, None),
    (-(10**99), None),
    (-(10**99) + 1, "-" + "9" * 99),
    (10**5000, None),
    (math.nan, None),
    (math.inf, None),
    (-math.inf, None),
    ({}, None),
    ({"a": 1}, None),
    ([], None),
    (["a"], None),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=lambda value: str(value)[:20] if value != 10**5000 else "huge")
def test_the_text_of_a_value(value: Any, text: str | None) -> None:
    """U4: text, booleans and numbers have one text each; nothing else is a value."""
    assert text_of(value) == text


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "1e999", "-1e999", "9" * 5000, "1" + "0" * 100, "1e100"])
def test_a_number_out_of_range_is_no_value(written: str) -> None:
    """U4, R3: it is none as it was read, and in the text form; text that looks the same is a value."""
    read = json_text.parse(f'{{"a": {written}, "b": "NaN", "c": "\\ud800"}}')
    assert text_of(read["a"]) is None
    assert text_of(read["b"]) == "NaN"
    assert text_of(read["c"]) == "\ufffd"


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_reads_back_the_same(number: float) -> None:
    """U4: numbers keep their value, and equal numbers have equal texts."""
    text = text_of(number)
    if text is None:
        assert abs(number) >= 10**99
    else:
        assert float(text) == number or int(text) == number
        if abs(number) < 2**53 and number == int(number):
            assert text == text_of(int(number)) == text_of(float(number))


ADDRESSES: list[tuple[str, str | None]] = [
    ("192.0.2.10", "192.0.2.10"),
    ("192.0.2.010", None),
    ("192.0.2", None),
    ("192.0.2.10 ", None),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("2001:db8::0001", "2001:db8::1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("::ffff:192.0.2.10", "192.0.2.10"),
    ("::FFFF:c000:20a", "192.0.2.10"),
    ("::", "::"),
    ("fe80::1%eth0", None),
    ("[::1]", None),
    ("10.0.0.0/8", None),
    ("AWS Internal", None),
    ("cloudformation.amazonaws.com", None),
    ("", None),
    ("\u0661.2.3.4", None),
]


@pytest.mark.parametrize(("text", "canonical"), ADDRESSES)
def test_an_address_has_one_form(text: str, canonical: str | None) -> None:
    """U4: an address is one term however it is written; anything else is no address."""
    assert canonical_address(text) == canonical


@given(st.ip_addresses(v=6))
def test_the_canonical_form_is_stable(address: Any) -> None:
    """U4: every spelling of an address gives the form that gives itself."""
    canonical = canonical_address(address.exploded.upper())
    assert canonical is not None
    assert canonical_address(canonical) == canonical
