"""The fast ways of writing and redacting JSON give what the slow ways give."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from streams.content.json_text import canonical
from streams.content.redaction import redact

LEVELS = 6

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.text(st.characters(codec=None)),  # with lone surrogates
)
# What a search for tokens looks for, whole and in parts, beside what is harmless.
WORDS = (
    *(
        "session",
        "Session",
        "_",
        "-",
        "token",
        "TO\u212aEN",
        "=",
        ":",
        '"',
        "\\",
        "\\u0073",
        "\0",
        "eyJ",
        "W3s",
        "H4sI",
    ),
    *("a" * 31, "a" * 32, "value", "name", "{", "}", "x", "Zm9vYmFy", "é", "IlNlc3Npb25Ub2tlbiI6ImFiYyI="),
)
SIGNS = st.lists(st.sampled_from(WORDS), max_size=6).map("".join)


def documents(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))


def searched(value: Any) -> Any:
    """The value with each text searched: deep in what has a sign of a token, nothing is looked at as a whole."""
    for _ in range(LEVELS):
        value = ["sessionToken", value]
    value = redact(value)
    for _ in range(LEVELS):
        [_, value] = value
    return value


@given(documents(LEAVES, st.text()))
@example({"a": 1e16, "b": -1.5e-7, "c": [1e22, 0.1], "d": ":1.5"})
@example(1e-05)
def test_canonical_json_is_what_python_writes(value: Any) -> None:
    """T6: event ids depend on each byte of it, whichever writer wrote it."""
    expected = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True)
    assert canonical(value) == expected


@given(documents(SIGNS, SIGNS | st.sampled_from(["key", "name", "value", "sessionToken", "session_token_"])))
def test_a_look_at_the_whole_misses_no_token(value: Any) -> None:
    """T7: one look at all of the text of a record finds each text that a search would change."""
    assert redact(value) == searched(value)
