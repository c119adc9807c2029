from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import LONG

from streams.detection.group_summary import GroupSummary, SeenOnDay
from streams.detection.memory import CapBucket, RuleState, TupleMemory
from streams.rules.rule import MOST_ALERTS
from streams.wire.single_object import UnknownSchemaError, WireError
from streams.wire.stored import large_summary, state_key
from streams.wire.stored import memory as codec
from streams.wire.stored.memory import BucketKey, GroupKey, Key, RuleKey, TupleKey, key_of, parse_key

if TYPE_CHECKING:
    from collections.abc import Callable

RULE = "aws-sts-assume-root-rare-pair"
TERMS = "0123456789abcdef"
ALICE = "arn:aws:iam::111111111111:user/alice"
START = 1_767_225_600_000

# Bytes that are in tables and changelogs. Bytes that a release has written are never removed from here.
VALUES: dict[str, TupleMemory | CapBucket | GroupSummary | RuleState] = {
    "c301444dfdc81f6d1a7b80a0d5edee6680a0d5edee6602": TupleMemory(START, START, 1),
    "c301444dfdc81f6d1a7b80a0d5edee6680d0d389f26606": TupleMemory(START, START + 432_000_000, 3),
    "c301fb2c3360a81010b480a0d5edee6600": CapBucket(START, ()),
    "c301fb2c3360a81010b480a0d5edee66044839326231313065342d303962612d356639382d393138662d353164"
    "6235326234636335644835656335353839362d613266382d353631632d396137302d3035626134396430653033"
    "3300": CapBucket(START, ("92b110e4-09ba-5f98-918f-51db52b4cc5d", "5ec55896-a2f8-561c-9a70-05ba49d0e033")),
    "c3015502266110aac09a04ccbf020200cebf02060480a0d5edee668aa0d5edee660000": GroupSummary(
        (SeenOnDay(20_454, 1, ()), SeenOnDay(20_455, 3, (START, START + 5)))
    ),
    "c301ddf7ff5972dcb0ed2061616161616161616161616161616161206262626262626262626262626262626280"
    "a0d5edee66010e": RuleState("a" * 16, "b" * 16, START, relearning=True, entries=7),
}
KEYS: dict[bytes, Key] = {
    b'["tuple","aws-sts-assume-root-rare-pair","0123456789abcdef",'
    b'"arn:aws:iam::111111111111:user/alice","222222222222"]': TupleKey(RULE, TERMS, (ALICE, "222222222222")),
    b'["tuple","r","0123456789abcdef","a\\",\\"b"]': TupleKey("r", TERMS, ('a","b',)),
    b'["tuple","r","0123456789abcdef","r\\u00f4le","b","c"]': TupleKey("r", TERMS, ("rôle", "b", "c")),
    b'["group","r","0123456789abcdef","arn:aws:iam::111111111111:user/alice"]': GroupKey("r", TERMS, ALICE),
    b'["bucket","r","arn:aws:iam::111111111111:user/alice",1767225600000]': BucketKey("r", ALICE, START),
    b'["rule","aws-sts-assume-root-rare-pair"]': RuleKey(RULE),
}
HOSTILE = st.text() | st.text(alphabet='",[]\\ p', max_size=6) | st.sampled_from(['a","b', 'a"', "a\\", "\ud800", ""])


def stored(value: TupleMemory | CapBucket | GroupSummary | RuleState) -> bytes:
    """The value's bytes."""
    match value:
        case TupleMemory():
            return codec.encode_tuple(value)
        case CapBucket():
            return codec.encode_bucket(value)
        case GroupSummary():
            return codec.encode_group(value)
        case RuleState():
            return codec.encode_rule(value)


def read(value: TupleMemory | CapBucket | GroupSummary | RuleState, data: bytes) -> object:
    """The value that the bytes hold, read as a value of this kind."""
    readers: dict[type, Callable[[bytes], object]] = {
        TupleMemory: codec.decode_tuple,
        CapBucket: codec.decode_bucket,
        GroupSummary: codec.decode_group,
        RuleState: codec.decode_rule,
    }
    return readers[type(value)](data)


@pytest.mark.parametrize("sample", VALUES)
def test_value_samples(sample: str) -> None:
    """Stored bytes keep the meaning that they were released with, and are written today."""
    assert read(VALUES[sample], bytes.fromhex(sample)) == VALUES[sample]
    assert stored(VALUES[sample]).hex() == sample


@pytest.mark.parametrize("key", KEYS)
def test_key_samples(key: bytes) -> None:
    """A stored key keeps the meaning that it was released with, and is written today."""
    assert parse_key(key) == KEYS[key]
    assert key_of(KEYS[key]) == key


@given(value=strategies.tuples() | strategies.buckets() | strategies.summaries() | strategies.states())
def test_value_round_trip(value: TupleMemory | CapBucket | GroupSummary | RuleState) -> None:
    """A value is the same after storage, with any times and texts."""
    assert read(value, stored(value)) == value


@given(rule=HOSTILE, values=st.lists(HOSTILE, min_size=1, max_size=3).map(tuple), start=st.integers())
def test_key_round_trip(rule: str, values: tuple[str, ...], start: int) -> None:
    """A key gives its parts back, with any separators in them."""
    keys: list[Key] = [
        TupleKey(rule, TERMS, values),
        GroupKey(rule, TERMS, values[0]),
        BucketKey(rule, values[0], start),
        RuleKey(rule),
    ]
    for key in keys:
        assert parse_key(key_of(key)) == key


@given(rule=HOSTILE, values=st.lists(HOSTILE, max_size=3), other=st.binary(max_size=4), at=st.integers(0, 40))
def test_plain_tuples(rule: str, values: list[str], other: bytes, at: int) -> None:
    """What is read of a tuple's key without parsing it is what parsing it gives; another key gives nothing."""
    key = state_key.to_bytes("tuple", rule, TERMS, *values)
    for each in (key, key[:at] + other + key[at:]):
        plain = codec.plain_tuple(each)
        if plain is not None:
            parsed = parse_key(each)
            assert isinstance(parsed, TupleKey)
            assert plain == (parsed.rule_id.encode(), parsed.terms.encode())
    is_usual = values and all(each.isascii() and each.isprintable() for each in (rule, *values))
    is_usual = is_usual and not any(mark in each for each in (rule, *values) for mark in '"\\')
    assert (codec.plain_tuple(key) is not None) == bool(is_usual)


@given(one=HOSTILE, other=HOSTILE, more=st.lists(HOSTILE, max_size=2).map(tuple), start=st.integers(0))
@example(one="a", other='a","b', more=(), start=0)
@example(one="", other='"', more=("x",), start=0)
@example(one="a", other="ab", more=(), start=0)
def test_prefix_is_of_one_group(one: str, other: str, more: tuple[str, ...], start: int) -> None:
    """The keys of the tuples of one group begin with its prefix, and no other key does; the same of its buckets."""
    tuples, buckets = codec.tuple_prefix(RULE, TERMS, one), codec.bucket_prefix(RULE, one)
    assert codec.tuple_key(RULE, TERMS, (one, *more)) == codec.tuple_key_behind(tuples, (one, *more))
    assert codec.tuple_key(RULE, TERMS, (one, *more)).startswith(tuples)
    assert codec.bucket_key(RULE, one, start).startswith(buckets)
    assert codec.tuple_key(RULE, TERMS, (other, *more)).startswith(tuples) == (one == other)
    assert codec.bucket_key(RULE, other, start).startswith(buckets) == (one == other)
    assert not codec.tuple_key(f"{RULE}2", TERMS, (one, *more)).startswith(tuples)
    assert not codec.tuple_key(RULE, TERMS[::-1], (one, *more)).startswith(tuples)


@given(parts=st.lists(HOSTILE | st.integers(), max_size=5), other=st.binary(max_size=12), at=st.integers(0, 40))
@example(parts=["\x7f", "a\nb"], other=b"", at=0)
@example(parts=["rule", 2**70], other=b"", at=0)
@example(parts=["rule", "a"], other=b" ", at=8)
def test_keys_are_canonical_json(parts: list[str | int], other: bytes, at: int) -> None:
    """A key is what the standard library writes of its parts; any other bytes have no parts."""
    key = state_key.to_bytes(*parts)
    assert key == json.dumps(parts, separators=(",", ":")).encode("ascii")
    assert state_key.parts_of(key) == parts
    changed = key[:at] + other + key[at:]
    found = state_key.parts_of(changed)
    assert not found or json.dumps(found, separators=(",", ":")).encode("ascii") == changed


TIMES = LONG | st.integers(-(2**34) - 2, -(2**34) + 2) | st.integers(2**41 - 2, 2**41 + 2) | st.integers(0, 2**41)


@given(value=HOSTILE, start=st.integers(), more=st.binary(max_size=6))
@example(value="a", start=7, more=b"0")
@example(value="a", start=7, more=b"9" * 5000)
def test_start_of_a_bucket(value: str, start: int, more: bytes) -> None:
    """The start in a bucket's key is read alone as it is with the rest; another key is refused."""
    prefix = codec.bucket_prefix(RULE, value)
    for key in (prefix + b"7]", prefix + more + b"7]", prefix + more + b"]", prefix + b"%d]" % (start % 10**25)):
        try:
            parsed = parse_key(key)
        except WireError:
            with pytest.raises(WireError):
                codec.bucket_start(key, prefix)
        else:
            assert isinstance(parsed, BucketKey)
            assert codec.bucket_start(key, prefix) == parsed.start


@given(rule=HOSTILE, value=HOSTILE, start=st.integers(), other=st.binary(max_size=4), at=st.integers(0, 40))
@example(rule="r", value="v", start=10, other=b"0", at=16)
def test_plain_buckets(rule: str, value: str, start: int, other: bytes, at: int) -> None:
    """What is read of a bucket's key without parsing it is what parsing it gives; another key gives nothing."""
    key = codec.bucket_key(rule, value, start)
    for each in (key, key[:at] + other + key[at:]):
        plain = codec.plain_bucket(each)
        if plain is not None:
            parsed = parse_key(each)
            assert isinstance(parsed, BucketKey)
            assert plain == parsed.start
    assert codec.plain_bucket(codec.bucket_key("r", ALICE, START)) == START


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"tuple",
        b"\xff",
        b'["pair","p","222222222222"]',
        b'["tuple","r","t"]',
        b'["tuple", "r", "t", "p", "222222222222"]',
        b'["tuple","r","t",222222222222]',
        b'["tuple","r","t","\xc3\xb4"]',
        b'["group","r","t","p","q"]',
        b'["bucket","r","p","1767225600000"]',
        b'["bucket","r","p",true]',
        b'["bucket","r","p",1.5]',
        b'["rule"]',
        b'["visit","p","222222222222"]',
        b"[" * 5000,
    ],
)
def test_other_keys_are_refused(key: bytes) -> None:
    """A key that this version does not write is refused and named: a newer version wrote it."""
    with pytest.raises(WireError, match="newer version"):
        parse_key(key)


@pytest.mark.parametrize("value", [TupleMemory(0, 0, 1), CapBucket(0, ()), GroupSummary(), RuleState("a", "b", 0)])
def test_a_newer_memory_is_refused(value: TupleMemory | CapBucket | GroupSummary | RuleState) -> None:
    """A worker that meets memory of a newer version refuses it by its fingerprint, and does not guess."""
    newer = bytes.fromhex("c301" + "0123456789abcdef" + "00")
    with pytest.raises(UnknownSchemaError, match=rf"{type(value).__name__}.*0123456789abcdef"):
        read(value, newer)


DAYS = st.builds(SeenOnDay, st.integers(0, 40_000), st.integers(1, 300) | LONG, st.lists(TIMES, max_size=2).map(tuple))


@given(days=st.lists(DAYS, max_size=40), changes=st.lists(st.tuples(st.integers(0, 45), st.none() | DAYS), max_size=6))
def test_large_summaries(days: list[SeenOnDay], changes: list[tuple[int, SeenOnDay | None]]) -> None:
    """A summary has the bytes that fastavro writes and is the same again, whatever it replaces and whatever is kept."""
    before: bytes | None = None
    for place, day in [(0, None), *changes]:
        days = [*days[:place], *([day] if day else []), *days[place + (day is None) :]]
        summary = GroupSummary(tuple(days))
        expected = codec.GROUP_CODEC.encode_carefully(summary)
        assert codec.encode_group(summary, before) == codec.encode_group(summary) == expected
        assert codec.decode_group(expected[:5] + expected[5:]) == summary
        before = expected


def test_few_large_summaries_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary that is no longer kept is read and written as well as one that is."""
    monkeypatch.setattr(large_summary, "_MOST", 2)
    summaries = [GroupSummary(tuple(SeenOnDay(day, n, (START,)) for day in range(40))) for n in range(1, 5)]
    values = [codec.encode_group(summary) for summary in summaries]
    assert [codec.decode_group(value) for value in values] == summaries
    assert [codec.encode_group(summary, value) for summary, value in zip(summaries, values, strict=True)] == values


def test_the_largest_bucket_fits_into_a_topic() -> None:
    """A3: a bucket with the largest cap is far below the 1 MiB that any Kafka topic takes."""
    ids = tuple(str(uuid.UUID(int=number)) for number in range(MOST_ALERTS))
    assert len(codec.encode_bucket(CapBucket(START, ids))) < 512 * 1024


def test_the_largest_summary_fits_into_a_topic() -> None:
    """U5: the summary of a group that is seen on each of 36,500 days is below the 1 MiB that any Kafka topic takes."""
    days = tuple(SeenOnDay(day, 10**6, (START, START + 1)) for day in range(36_500))
    assert len(codec.encode_group(GroupSummary(days))) < 1024 * 1024


@given(rule_id=HOSTILE, terms=HOSTILE, value=HOSTILE, others=st.lists(HOSTILE))
def test_the_keys_of_a_group_together(rule_id: str, terms: str, value: str, others: list[str]) -> None:
    """They are the keys that are made one by one, and so are the keys of tuples behind their prefix."""
    keys = codec.group_keys(rule_id, terms, value)
    assert keys.tuple_prefix == codec.tuple_prefix(rule_id, terms, value)
    assert keys.bucket_prefix == codec.bucket_prefix(rule_id, value)
    assert keys.group_key == codec.group_key(rule_id, terms, value)
    values = (value, *others)
    assert codec.tuple_key_behind(keys.tuple_prefix, values) == codec.tuple_key(rule_id, terms, values)
