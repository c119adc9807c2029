"""The search of a large text in one pass finds what the searches of a small text find."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.inputs import prefilter
from streams.inputs.byte_marks import OF_ROOT, PART, PARTS_WITH_VALUE, ROOT, can_hide
from streams.inputs.one_pass import LARGE, OnePass

if TYPE_CHECKING:
    from collections.abc import Callable

_BASE64 = b"eyJldmVudFZlcnNpb24iOiIxLjA4IiwidXNlcklkZW50aXR5Ijp7"
_FRAGMENTS = [
    *(b"AssumeRoot", b"Assume", b"GetObject", b"Root", b'"Root"', b'\\"Root\\"', b"=Root,", b"u0022Root\\u0022"),
    *(b"\\", b"\\\\", b"\\u00", b"\\u0041", b"\\u003c", b"\\u0022", b"\\u0026", b"u0041", b"0041", b"41"),
    *(b'"data":"', b'"data":', b"data\\u0041", b'\\"data\\":\\"', b'"value":"', b"lue\\u004", b'"payload": "'),
    *(b'"bytesValue":"', b'"data_base64":"', b'"awslogs":{', b'"metadata"', _BASE64, b"H4sI", b"\x1f\x8b\x08"),
    *(b"\xff\x06\x00\x00sNaPpY", b"\x82SNAPPY\x00", b"{", b"}", b'"', b" ", b"\n", b"ata", b"lue", b"\x00\xfe\xff"),
]
_LITERALS = [frozenset(literals) for literals in (["AssumeRoot"], ["GetObject", "AssumeRoot"], ["SNAPPY"], ["u00"])]


def _select(literals: frozenset[str], large: int, *, follow_sessions: bool) -> Callable[[bytes], object]:
    """The filter, which searches texts of this size and more in one pass."""
    prefilter.compile_selector.cache_clear()
    with mock.patch.object(prefilter, "LARGE", large):
        select = prefilter.compile_selector(literals, 1 << 20, follow_sessions=follow_sessions)
    prefilter.compile_selector.cache_clear()
    return select


_BOTH = {
    (literals, follows): tuple(_select(literals, large, follow_sessions=follows) for large in (1, sys.maxsize))
    for literals in _LITERALS
    for follows in (False, True)
}
_ROOT = re.compile(ROOT + OF_ROOT)


@given(st.lists(st.sampled_from(_FRAGMENTS), min_size=1, max_size=12), st.sampled_from(list(_BOTH)))
def test_one_pass_selects_what_the_searches_of_a_small_text_select(
    parts: list[bytes], key: tuple[frozenset[str], bool]
) -> None:
    """Whatever its size, a text with the same bytes passes or does not."""
    text = b"".join(parts)
    one_pass, apart = _BOTH[key]
    assert (one_pass(text) is None) == (apart(text) is None)


@pytest.mark.parametrize("mark", [b"AssumeRoot", b"\\u0041ssumeRoot", b'"data":"' + _BASE64, b'"awslogs":{'])
@pytest.mark.parametrize("at", [0, LARGE, PART - 5, PART, PART + 1])
def test_a_mark_is_found_wherever_it_is(mark: bytes, at: int) -> None:
    """A mark counts at the seam of the parts of a search as elsewhere."""
    one_pass = OnePass([b"AssumeRoot"], None)
    text = b" " * at + mark + b" " * LARGE
    assert one_pass.holds_mark(text) is (True if mark == b"AssumeRoot" else None)


def test_nothing_that_is_searched_for_hides_a_key_or_root() -> None:
    """What is found and is no mark lies over no key and over no root, because the search goes on behind it."""
    others = OnePass([b"AssumeRoot"], _ROOT).others
    assert ROOT in others
    assert not can_hide(others, [ROOT, *PARTS_WITH_VALUE])
