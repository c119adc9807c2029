"""The fast ways of writing and redacting JSON give what the slow ways give."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.content.json_text import canonical, canonical_of
from streams.content.redaction.redact import redact, redact_text
from streams.content.redaction.redact_quickly import redact_quickly
from streams.content.redaction.token_text import _BEFORE_VALUE, may_hold_key

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
HIDDEN = base64.b64encode(b'{"x": "a text of some length", "sessionToken": "secret"}').decode()
# Texts with escapes, quotes and JSON in them, and base64 that may hide a token.
QUOTED = st.lists(
    st.sampled_from(['"', "'", "\\", "\n", "/", HIDDEN[4:], HIDDEN[1:], "b64+" * 9, "x", " ", "é", "="]), max_size=6
).map("".join)
LAYERED = st.one_of(QUOTED, QUOTED.map(json.dumps), QUOTED.map(lambda text: json.dumps({"a": json.dumps([text])})))


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


@given(documents(LAYERED, QUOTED))
@example({"a": json.dumps({"b": HIDDEN[4:]})})
@example({"a": f"{'A' * 40}'{HIDDEN[4:]}"})
def test_a_look_at_the_whole_misses_no_base64(value: Any) -> None:
    """T7: base64 is found at the beginning of each text, behind quotes, and in JSON in texts."""
    assert redact(value) == searched(value)


KEYS = SIGNS | st.sampled_from(["key", "name", "value", "sessionToken", "session_token_", "responseElements"])
CREDENTIALS = st.dictionaries(st.sampled_from(["sessionToken", "SessionToken", "a"]), SIGNS | st.none() | st.integers())
ELEMENTS = st.fixed_dictionaries({"credentials": CREDENTIALS | SIGNS}, optional={"a": SIGNS})
RECORDS = st.fixed_dictionaries(
    {"responseElements": ELEMENTS | SIGNS}, optional={"z": documents(SIGNS, KEYS), "a": documents(SIGNS, KEYS)}
)


@given(RECORDS | st.dictionaries(KEYS, documents(SIGNS, KEYS)))
@example({"responseElements": {"credentials": {"sessionToken": "FwoGZXIvYXdzE" * 9}}, "eventName": "AssumeRoot"})
@example({"responseElements": {"credentials": {"sessionToken": "REDACTED"}}})
@example({"a": "k_eyJzZXNzaW9uVG9rZW4iOiAiRndvR1pYSXZZWGR6RSJ9"})
@example({"responseElements": {"credentials": {"sessionToken": "a"}}, "z": {"sessionToken": "b"}})
@example({"responseElements": {"credentials": {"sessionToken": "oken"}}, "a": "session" + "-" * 40 + "to__ken=b"})
def test_a_record_that_is_redacted_quickly_is_redacted_alike(record: dict[str, Any]) -> None:
    """T6, T7: the value, its text, and whether anything was replaced are the same."""
    quick = redact_quickly(record)
    if quick is not None:
        expected = searched(record)
        assert quick.value == expected
        assert (quick.value is record) == (redact(record) is record)
        assert canonical_of(quick.value, quick.written) == canonical(expected)


@pytest.mark.parametrize(
    "record",
    [
        {"eventName": "DescribeConfigurationRecorderStatus", "roleName": "role-name-token", "k": "invoked-by"},
        {"responseElements": {"x-amz-id-2": "k7Vxq1" * 12 + "=="}},
        {"responseElements": {"credentials": {"sessionToken": "FwoGZXIvYXdzEH8aDN" * 30 + "=="}}, "a": 1.5, "b": "é"},
    ],
)
def test_common_records_are_redacted_quickly(record: dict[str, Any]) -> None:
    """Long names, base64 and the token at its usual place need no look at each text."""
    assert redact_quickly(record) is not None


@pytest.mark.parametrize(
    "name", ["sessionToken", "sessionto_ken", "session-tok-en", "SESSION_T_O_K_E_N", "sessionTo\u212aen"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_each_spelling_of_the_name_is_found_in_json_in_text(name: str, *, ascii_only: bool) -> None:
    """T7: the quick test of a text for the name of a token lets every spelling of it through."""
    text = json.dumps({name: "secret"}, ensure_ascii=ascii_only)
    assert "secret" not in redact_text(text)
    assert "secret" not in canonical(redact({"a": [text]}))


NAMES = (
    "session",
    "Session",
    "SESSION",
    "_",
    "-",
    "token",
    "Token",
    "tok",
    "en",
    "\0",
    "\\u0074oken",
    "=",
    ":",
    "abc",
    '"',
    " ",
)


@given(st.lists(st.sampled_from(NAMES), max_size=8).map("".join))
@example("session\0token=abc")
@example("session\\u0054oken=abc")
def test_text_that_passes_no_quick_test_holds_no_token(text: str) -> None:
    """T7: where the quick test finds nothing, the pattern finds nothing either."""
    if not may_hold_key(text):
        assert _BEFORE_VALUE.search(text) is None
