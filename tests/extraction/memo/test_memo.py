"""What became of a record is remembered by the values that decide it, and by nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from changed_records import changed
from cloudtrail_messages import RECORD
from sightings import RULE

from streams.extraction.extract import ExtractSettings
from streams.extraction.memo import memo as module
from streams.extraction.memo.memo import Memo
from streams.rules.rule_set import RuleSet

SETTINGS = ExtractSettings()


def memo_of(*terms: str, query: str = "event.action: AssumeRoot", **options: int) -> Memo[str]:
    rule = replace(RULE, query=query, terms=terms, event_source=None, event_name=None)
    return Memo(RuleSet([rule]), SETTINGS, **options)


def message(**changes: Any) -> bytes:
    """The record, with other values at some paths whose dots are written as ``__``."""
    return json.dumps(changed({path.replace("__", "."): json.dumps(new) for path, new in changes.items()})).encode()


def knows(memo: Memo[str], value: bytes) -> bool | None:
    """Whether the memo knows what became of a record with this one's key; ``None`` if the record has no key."""
    look = memo.look(value)
    return None if look is None else look.outcome is not None


def learned(memo: Memo[str], value: bytes) -> Memo[str]:
    look = memo.look(value)
    assert look is not None
    memo.learn(look.key, "dropped")
    return memo


def test_a_record_is_known_by_what_the_rules_of_its_event_read() -> None:
    """Another event id, address or session is no matter; another value that a term or query reads is."""
    memo = learned(memo_of("user.name", query="event.action: AssumeRoot and not cloud.region: x"), message())
    assert knows(memo, message(eventID="x", sourceIPAddress="1.2.3.4", userIdentity__accessKeyId="x"))
    assert knows(memo, message(awsRegion="x")) is False
    assert knows(memo, message(userIdentity__sessionContext__sessionIssuer__userName="x")) is False
    assert knows(memo, message(eventCategory="Insight")) is False
    assert knows(memo, message(userIdentity__type="Root")) is False


def test_sessions_of_one_role_are_alike_where_only_the_role_counts() -> None:
    """``rootwatch.issuer_or_arn`` is the role's ARN, whatever the session; without a role it is the recorded one."""
    memo = learned(memo_of("rootwatch.issuer_or_arn"), message(userIdentity__arn="a"))
    assert knows(memo, message(userIdentity__arn="b"))
    assert knows(learned(memo_of("rootwatch.principal"), message()), message(userIdentity__arn="b")) is False
    nobody = {"userIdentity__sessionContext__sessionIssuer": {}}
    assert (
        knows(learned(memo, message(**nobody, userIdentity__arn="a")), message(**nobody, userIdentity__arn="b"))
        is False
    )


@pytest.mark.parametrize(
    "value",
    [
        message(userAgent="é").decode().encode("utf-8").replace(b"\\u00e9", "é".encode()),
        message()[:-1],
        message() + b"{}",
        b"[" + message() + b"]",
        message(eventTime=None),
        message(eventName="-"),
        message(eventName="sessionToken=abcdefghijklmnopqrstuvwxyz"),
        message(eventName="x" * 200),
        message(eventSource="aws:kinesis"),
        message(requestParameters="{}"),
        message(resources={}),
        message(userIdentity=None),
        message(userIdentity__userName=["a"]),
        message(userIdentity__userName=1),
        b'{"userIdentity.userName": "x", ' + message()[1:],
        b'{"x": "' + b"x" * 40_000 + b'", ' + message()[1:],
    ],
)
def test_what_is_unusual_has_no_key(value: bytes) -> None:
    """A record in another form, or one that may be malformed, is read in full."""
    assert knows(memo_of("user.name"), message()) is False
    assert knows(memo_of("user.name"), value) is None


@pytest.mark.parametrize(
    "term",
    [
        *("rootwatch.member_account", "related.entity", "resources.ARN", "requestParameters.value"),
        "requestParameters.REDACTED",
    ],
)
def test_a_field_of_many_values_gives_no_key(term: str) -> None:
    """If a term depends on more than a few values, records of its event are read in full; others have keys."""
    memo = memo_of(term)
    assert knows(memo, message()) is None
    assert knows(memo, message(eventName="Other")) is False


def test_if_little_is_known_most_messages_are_not_looked_at() -> None:
    """Where nearly every tuple is new, a look would be in vain; once records are known again, all are looked at."""
    memo = memo_of("user.name")
    looks = [knows(memo, message()) for _ in range(3_000)]
    assert looks[:1_000] == [False] * 1_000
    assert set(looks[-16:]) == {None, False}
    learned_at = next(look for look in iter(lambda: memo.look(message()), 0) if look is not None)
    memo.learn(learned_at.key, "dropped")
    assert [knows(memo, message()) for _ in range(100)][-50:] == [True] * 50


def test_memory_is_bounded() -> None:
    """Of two generations the older one is dropped, what is asked for stays, and long values are not remembered."""
    memo = memo_of("user.name", generation=2)

    def value(name: str) -> bytes:
        return message(userIdentity__type="IAMUser", userIdentity__userName=name)

    for name in "abc":
        learned(memo, value(name))
    assert knows(memo, value("a"))  # which is young again
    learned(memo, value("d"))
    assert [knows(memo, value(name)) for name in "abcd"] == [True, False, True, True]
    assert knows(learned(memo, value("x" * 2_000)), value("x" * 2_000)) is False


def test_an_event_is_as_one_before_it_whatever_else_has_been_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are forgotten when they are too many, and outcomes are not."""
    monkeypatch.setattr(module, "_MOST_EVENTS", 2)
    memo = learned(memo_of("user.name"), message())
    assert [knows(memo, message(eventName=name)) for name in "abcd"] == [False] * 4
    assert knows(memo, message())
    assert RECORD["eventName"] == "AssumeRoot"
