from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from cloudtrail_messages import TOKEN, java_map
from hypothesis import given
from hypothesis import strategies as st

from streams.content.json_text import TooDeepError
from streams.content.redaction.redact import redact, redact_by_pattern, redact_text

TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=24, max_size=80)
NAMES = st.sampled_from(
    ["sessionToken", "SessionToken", "session_token", "AWS_SESSION_TOKEN", "session-token", "a.b.sessionToken"]
)


def _dotnet(text: str) -> str:
    return json.dumps(text).replace('\\"', "\\u0022").replace("+", "\\u002B").replace("/", "\\/")


# Each wraps a JSON value into another value, or into text.
LAYERS: dict[str, Any] = {
    "object": lambda value: {"credentials": value, "other": 1},
    "list": lambda value: [1, value],
    "text of JSON": json.dumps,
    "text of indented JSON": lambda value: json.dumps(value, indent=2),
    "text of a Java map": lambda value: java_map({"credentials": value, "expiration": "Jan 1, 2026 1:00:00 PM"}),
    "base64 of gzip": lambda value: base64.b64encode(gzip.compress(json.dumps(value).encode(), mtime=0)).decode(),
    "base64 of JSON": lambda value: base64.b64encode(json.dumps({"a": value}).encode()).decode(),
    "text of a text": lambda value: json.dumps(json.dumps(value)),
    "text with an escaped quote": lambda value: _dotnet(json.dumps(value)),
}


@given(TOKENS, NAMES, st.lists(st.sampled_from(sorted(LAYERS)), max_size=3))
def test_a_token_at_any_depth_of_any_layers_is_replaced(token: str, name: str, layers: list[str]) -> None:
    """T7: no session token is left in objects, lists, JSON in strings, Java maps or base64, nested in any way."""
    value: Any = {name: token, "accessKeyId": "ASIA"}
    for layer in layers:
        value = LAYERS[layer](value)
    redacted = redact({"responseElements": value})
    assert token not in json.dumps(redacted).replace("\\", "")
    assert "REDACTED" in json.dumps(redacted)


TEXTS = {
    "JSON": '{"sessionToken": "%s", "expiration": "x"}',
    "JSON without blanks": '{"sessionToken":"%s"}',
    "JSON in a string": r'{"message": "{\"sessionToken\":\"%s\",\"a\":1}"}',
    "JSON in a string in a string": r'{"m": "{\"m\": \"{\\\"sessionToken\\\": \\\"%s\\\"}\"}"}',
    "JSON in three strings": r"\\\\\\\"sessionToken\\\\\\\":\\\\\\\"%s\\\\\\\"",
    "indented JSON in a string": r"{\n  \"sessionToken\" : \n \"%s\"\n}",
    "an escaped key": r'{"\u0073essionToken": "%s"}',
    "a key that is all escapes": '{"' + "".join(f"\\u{ord(c):04x}" for c in "sessionToken") + '": "%s"}',
    "an escaped key in a string": r'{"m": "{\"s\\u0065ssionToken\": \"%s\"}"}',
    "an escaped backslash of an escaped key": r'{"m": "{\"\u005cu0073essionToken\": \"%s\"}"}',
    "escaped quotes": r'{"m": "{\u0022sessionToken\u0022:\u0022%s\u0022}"}',
    "escaped colons": r'{"m": "{\u0022sessionToken\u0022\u003a\u0022%s\u0022}"}',
    "a Java map": "{credentials={accessKeyId=ASIA, sessionToken=%s, expiration=Oct 25, 2024, 9:07:11 PM}}",
    "a Java map that ends with it": "{credentials={sessionToken=%s}}",
    "a Java map in a string": r'{"response_elements": "{credentials={sessionToken\u003d%s, a=b}}"',
    "an array of one": '{"sessionToken": ["%s"], "a": 1',
    "single quotes": "{'sessionToken': '%s', 'a': 1}",
    "other cases": '{"SESSION_TOKEN": "%s"',
    "a variable": "AWS_SESSION_TOKEN=%s aws sts get-caller-identity",
    "twice": '{"sessionToken": "%s", "b": {"sessionToken": "%s"}',
    "UTF-16 read as bytes": "\x00".join('{"sessionToken":"') + "\x00%s" + "\x00".join('"}'),
    "after an odd quote": '" {"sessionToken":"%s"}',
    "an element of XML": "<Credentials><SessionToken>%s</SessionToken></Credentials>",
    "a Ruby hash": '{"sessionToken"=>"%s"}',
    "a part of a URL": "a%3Db%26sessionToken%3D%s",
}


@pytest.mark.parametrize("token", [TOKEN, TOKEN.replace("/", "\\/"), TOKEN.replace("+", "\\u002b")])
@pytest.mark.parametrize("name", TEXTS)
def test_a_token_in_text_is_replaced_however_it_is_written(name: str, token: str) -> None:
    """T7: in text that is not JSON, the key is found with escapes of any depth, and only its value is replaced."""
    text = TEXTS[name].replace("%s", token)
    redacted = redact_by_pattern(text)
    assert redacted == TEXTS[name].replace("%s", "REDACTED")
    assert redact_text(text).count("REDACTED") == text.count(token)


@pytest.mark.parametrize("between", ['"\udced\udca0\udc80:"', '":] "', '"{:"', '\\\xa0\\": \\"', "\xd1", '" "', "\n\n"])
def test_a_token_is_replaced_whatever_has_damaged_what_is_before_it(between: str) -> None:
    """R3, T7: text behind the key that is long enough for a token is replaced, marked as the value or not."""
    text = f'{{"credentials": {{"sessionToken{between}{TOKEN}", "expiration": "x", "packedPolicySize": 6'
    assert TOKEN[:20] not in redact_text(text)
    assert redact_text(text).endswith('"expiration": "x", "packedPolicySize": 6')


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_cut_anywhere_shows_no_part_of_the_token(name: str) -> None:
    """R3, T7: if a message is cut anywhere, also inside the token, nothing of the token is left."""
    text = TEXTS[name].replace("%s", TOKEN)
    for end in range(text.index(TOKEN) + 4, len(text)):
        for redacted in (redact_by_pattern(text[:end]), redact_text(text[:end])):
            assert TOKEN[:4] not in redacted


def test_cut_base64_of_gzip_is_replaced() -> None:
    """T7: base64 that was cut still holds the beginning of its content."""
    packed = base64.b64encode(gzip.compress(json.dumps({"sessionToken": TOKEN, "a": "b" * 500}).encode())).decode()
    for text in (
        packed[:-10],
        f'{{"awslogs": {{"data": "{packed[:-30]}',
        packed.replace("/", "\\/").replace("+", "\\u002b"),
    ):
        assert packed[8:40] not in redact_text(text)
        assert "REDACTED" in redact_text(text)


HARMLESS: list[Any] = [
    {"eventName": "GetSessionToken", "userAgent": "aws-cli", "n": [1, None, True, 2.5]},
    {"sessionToken": None, "a": {"session_token": ""}},
    {"sessionToken": "REDACTED"},
    {"Action": ["sts:GetSessionToken", "sts:AssumeRoot"]},
    '{"sessionToken": null}',
    '{"Action": "sts:GetSessionToken"}',
    "the session token, which is secret",
    base64.b64encode(gzip.compress(b'{"eventName": "AssumeRoot"}', mtime=0)).decode(),
    base64.b64encode(b'{"eventName": "AssumeRoot", "a": "b"}').decode(),
    "sessionToken=REDACTED, a=b",
    '["sts:GetSessionToken", "sts:GetAccessKeyInformation"',
    '{"sessionToken": "", "packedPolicySize": 6',
]


@pytest.mark.parametrize("value", HARMLESS, ids=str)
def test_what_holds_no_token_stays_the_same_object(value: Any) -> None:
    """T7: a value without a token is returned as the same object."""
    assert redact(value) is value


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """T7: a redacted value holds no token."""
    once = redact_text(f'{text}"sessionToken": "{TOKEN}"{text}')
    assert redact_text(once) is once


def test_a_value_of_any_type_is_replaced() -> None:
    """T7: a token of an unexpected type is redacted too."""
    assert redact({"sessionToken": [TOKEN]}) == {"sessionToken": "REDACTED"}
    assert redact({"sessionToken": {"value": TOKEN}}) == {"sessionToken": "REDACTED"}
    assert redact({"sessionToken": 7}) == {"sessionToken": "REDACTED"}


def test_a_key_may_hold_a_token() -> None:
    """T7: keys are searched like any other text."""
    assert redact({f"sessionToken={TOKEN}": 1}) == {"sessionToken=REDACTED": 1}


def test_a_token_hidden_behind_a_second_key_is_found() -> None:
    """T7: if a key comes twice, a JSON value keeps the last one, but text keeps both."""
    assert TOKEN not in redact_text(f'{{"sessionToken": "{TOKEN}", "sessionToken": ""}}')


def test_nesting_is_bounded() -> None:
    """R3: a value that is nested too deeply to be searched is refused, not searched in part."""
    value: Any = TOKEN
    for _ in range(500):
        value = [value]
    with pytest.raises(TooDeepError):
        redact(value)
    assert TOKEN not in redact_text(json.dumps([[[{"sessionToken": TOKEN}]]]).replace("[", "[" * 200))


@pytest.mark.parametrize(
    "run", ["\\", "\\u005c", "s", "session", "sessionToken", "sessionToken=", '"', "'", "[", " ", "eyJ", "H4sI"]
)
def test_long_runs_of_what_the_patterns_look_for_cost_no_more_than_their_length(run: str) -> None:
    """R3: the search is linear for every text; half a million characters would otherwise take hours."""
    redacted = redact_text(run * (500_000 // len(run)))
    assert redact_text(redacted) == redacted
