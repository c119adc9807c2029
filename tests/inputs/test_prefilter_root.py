r"""The fetch filter if sessions are followed: every root action passes, and ``Root`` in other text is no mark (S1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import OTHER, PACKINGS, SHAPES, changed, java_map
from forwarder_messages import OF_BYTES, OF_TEXT
from json_writers import AS_DOTNET, NO_PLAIN_NAME
from root_sessions import ACTIONS, record
from sightings import RULE, RULES

from streams.inputs import prefilter
from streams.pipeline import ExtractSettings, compile_finder, may_match, sight

LIMIT = 1_000_000
LITERALS = frozenset({RULE.event_name})
FOLLOWING = ExtractSettings(max_message_size=LIMIT, follow_sessions=True)
WRITERS = {"json": json.dumps, "without a plain Root": NO_PLAIN_NAME, ".NET": AS_DOTNET}
# No resource of the type AWS::IAM::Root.
QUIET = changed({"resources": [], "userAgent": "plain text"}, OTHER)


def passes(value: bytes, event_name: str = RULE.event_name) -> bool:
    """Whether the filter passes a message; its two halves must agree where the mark is plain."""
    around = b"\x80\x1f{" + value + b"}:"
    passed = prefilter.compile_matcher(frozenset({event_name}), LIMIT, follow_sessions=True)(value)
    found = prefilter.compile_finder(frozenset({event_name}), follow_sessions=True)(around, 0, len(around))
    assert bool(found) >= passed
    return passed


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_action_passes_in_every_shape_and_packing(shape: str, packing: str, writer: str) -> None:
    r"""S1: also with ``\u0052oot``, also with quotes as ``\u0022``, in text in text and compressed."""
    value = PACKINGS[packing](SHAPES[shape](ACTIONS["as CloudTrail writes it"], WRITERS[writer]))
    assert [action.event.name for action in sight(value, RULES, FOLLOWING).actions] == ["DeleteBucketPolicy"]
    assert passes(value)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("envelope", [*OF_TEXT, *OF_BYTES])
def test_an_action_passes_in_every_envelope(envelope: str, writer: str) -> None:
    """S1, R8: forwarders' envelopes hide no action, base64 included."""
    text = WRITERS[writer](ACTIONS["as CloudTrail writes it"])
    wrapped = OF_TEXT[envelope][1](text) if envelope in OF_TEXT else OF_BYTES[envelope][1](text.encode())
    value = WRITERS[writer](wrapped).encode()
    assert len(sight(value, RULES, FOLLOWING).actions) == 1
    assert passes(value)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("form", ACTIONS)
def test_an_action_passes_in_every_form(form: str, writer: str) -> None:
    """S1, R9: the identity may be text, in JSON or as Java writes a map, which has no quotes."""
    value = WRITERS[writer](ACTIONS[form]).encode()
    assert len(sight(value, RULES, FOLLOWING).actions) == 1
    assert passes(value)


MARKS = {
    "plain": rb'{"type":"Root"}',
    "with a blank": rb'{"type": "Root" }',
    "in a JSON string": rb'"{\"type\":\"Root\"}"',
    "in a string in a string": rb'"\"{\\\"type\\\":\\\"Root\\\"}\""',
    "quotes as escapes": rb'"{\u0022type\u0022:\u0022Root\u0022}"',
    "quotes as escapes, twice": rb'"\u0022{\\u0022type\\u0022:\\u0022Root\\u0022}\u0022"',
    "quotes as escapes of escaped quotes": rb'"\"{\\\u0022type\\\u0022:\\\u0022Root\\\u0022}\""',
    "a Java map": rb'"{type=Root, principalId=222222222222}"',
    "the end of a Java map": rb'"{accountId=222222222222, type=Root}"',
    "a Java map as Gson writes it": rb'"{type\u003dRoot, principalId\u003d222222222222}"',
    "a Java map with an escaped comma": rb'"{type\u003DRoot\u002C principalId=222222222222}"',
    "the event": rb'{"eventName":"AssumeRoot"}',
    "the event in any text": rb"Error in AssumeRoot",
}


@pytest.mark.parametrize("name", MARKS)
def test_a_mark_is_found_in_every_spelling(name: str) -> None:
    """S1: both halves of the filter find the type of an identity as it is and in text in text, and the event's name."""
    assert passes(MARKS[name])
    assert prefilter.compile_finder(LITERALS, follow_sessions=True)(MARKS[name], 0, len(MARKS[name]))


NO_MARKS: dict[str, Any] = {
    "a user named FalsimentisRoot": {"userIdentity.userName": "FalsimentisRoot"},
    "a role that ends with Root": {
        "userIdentity.arn": "arn:aws:sts::111111111111:assumed-role/AdminRoot/casey",
        "userIdentity.sessionContext.sessionIssuer.userName": "AdminRoot",
    },
    "a role that begins with Root": {"userIdentity.sessionContext.sessionIssuer.userName": "RootAdmin"},
    "words": {"userAgent": "Root Volume of the Root"},
    "a type of resource": {"resources": [{"type": "AWS::IAM::Root", "ARN": "arn:aws:iam::333333333333:root"}]},
    "root in small letters": {"requestParameters": {"policy": json.dumps({"AWS": "arn:aws:iam::333333333333:root"})}},
    "a Java map": {"requestParameters": java_map({"device": "RootVolume", "name": "AdminRoot"})},
    "a session flag": {"userIdentity.sessionContext.assumedRoot": "true"},
}


@pytest.mark.parametrize("name", NO_MARKS)
def test_root_in_other_text_is_no_mark(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: names and words with Root are frequent; they must not cost a parse."""
    monkeypatch.setattr(prefilter, "read", lambda *_: pytest.fail("it was read"))
    text = json.dumps(changed(NO_MARKS[name], QUIET))
    for value in (text, json.dumps({"log": text})):
        assert not passes(value.encode())
        assert not prefilter.compile_finder(LITERALS, follow_sessions=True)(value.encode(), 0, len(value))


def test_a_mark_behind_other_roots_is_found() -> None:
    """S1: a ``Root`` that is no mark hides none behind it."""
    action = record(userAgent="AdminRoot Root")
    assert passes(json.dumps({"Records": [changed({"userAgent": "AdminRoot"}, QUIET), action]}).encode())


@pytest.mark.parametrize("escaped", ["R", "t", "Root"])
def test_an_escaped_type_of_another_identity_is_dropped(escaped: str) -> None:
    """S1: escapes have a message read; without an action or the event in it, it is dropped."""
    escape = "".join(f"\\u{ord(letter):04x}" for letter in escaped)
    for identity, is_action in (("Role", False), ("Root", True)):
        text = json.dumps(record(userAgent="plain", userIdentity={"type": identity}, resources=None))
        text = text.replace("plain", escape).replace("Root", "Root".replace(escaped, escape))
        assert passes(text.encode()) is is_action


@pytest.mark.parametrize("event_name", ["DeleteTrail", "RootLogin", "Root", "GetRoot", "ootRoot", "Rooted"])
def test_any_rule_finds_its_event_and_root_actions(event_name: str) -> None:
    """S1: the event's name is data of the rule; it may begin or end with Root, or have none in it."""
    event = json.dumps(changed({"eventName": event_name}, QUIET)).encode()
    action = json.dumps(record()).encode()
    for value in (event, action):
        assert passes(value, event_name)
        assert prefilter.compile_finder(frozenset({event_name}), follow_sessions=True)(value, 0, len(value))
    assert not passes(json.dumps(QUIET).encode(), event_name)


@pytest.mark.parametrize("before", range(1024 * 1024 - 8, 1024 * 1024 + 2))
def test_a_mark_over_the_end_of_a_part_is_found(before: int) -> None:
    """S1: a piece is searched by parts of a MiB; what is around ``Root`` may lie in another part."""
    for mark in (b"\\u0022Root\\u0022", b"AssumeRoot", b"=Root}"):
        piece = b" " * before + mark
        assert compile_finder(RULES, FOLLOWING)(piece, 0, len(piece))
        assert not compile_finder(RULES, FOLLOWING)(piece, 0, len(piece) - (6 if mark.endswith(b"2") else 1))


def test_without_sessions_only_the_event_passes() -> None:
    """S1: a command that follows no sessions drops root actions as it does any other event."""
    action = json.dumps(ACTIONS["as CloudTrail writes it"]).encode()
    assert not prefilter.compile_matcher(LITERALS, LIMIT)(action)
    assert not prefilter.compile_finder(LITERALS)(action, 0, len(action))
    assert may_match(action, RULES, FOLLOWING)
