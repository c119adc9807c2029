from __future__ import annotations

import uuid

import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st

from streams.detection.memory import CapBucket, PairMemory
from streams.rules.rule import MOST_ALERTS
from streams.wire.memory import (
    BucketKey,
    PairKey,
    bucket_key,
    bucket_prefix,
    decode_bucket,
    decode_pair,
    encode_bucket,
    encode_pair,
    key_of,
    pair_key,
    pair_prefix,
    parse_key,
)
from streams.wire.single_object import UnknownSchemaError, WireError

ALICE = "arn:aws:iam::111111111111:user/alice"
START = 1_767_225_600_000

# Bytes that are in tables and changelogs. Bytes that a release has written are never removed from here.
PAIRS = {
    "c3012121cae310d6ae4b80a0d5edee6680a0d5edee6602": PairMemory(START, START, 1),
    "c3012121cae310d6ae4b80a0d5edee6680d0d389f26606": PairMemory(START, START + 432_000_000, 3),
}
BUCKETS = {
    "c301fb2c3360a81010b480a0d5edee6600": CapBucket(START, ()),
    "c301fb2c3360a81010b480a0d5edee6604"
    "4839326231313065342d303962612d356639382d393138662d353164623532623463633564"
    "4835656335353839362d613266382d353631632d396137302d303562613439643065303333"
    "00": CapBucket(START, ("92b110e4-09ba-5f98-918f-51db52b4cc5d", "5ec55896-a2f8-561c-9a70-05ba49d0e033")),
}
KEYS = {
    b'["pair","arn:aws:iam::111111111111:user/alice","222222222222"]': PairKey(ALICE, "222222222222"),
    b'["pair","a\\",\\"b","222222222222"]': PairKey('a","b', "222222222222"),
    b'["pair","r\\u00f4le","222222222222"]': PairKey("rôle", "222222222222"),
    b'["bucket","arn:aws:iam::111111111111:user/alice",1767225600000]': BucketKey(ALICE, START),
}
HOSTILE = st.text() | st.text(alphabet='",[]\\ p', max_size=6) | st.sampled_from(['a","b', 'a"', "a\\", "\ud800", ""])


@pytest.mark.parametrize("stored", PAIRS)
def test_pair_samples(stored: str) -> None:
    """A pair's stored bytes keep the meaning that they were released with, and are written today."""
    assert decode_pair(bytes.fromhex(stored)) == PAIRS[stored]
    assert encode_pair(PAIRS[stored]).hex() == stored


@pytest.mark.parametrize("stored", BUCKETS)
def test_bucket_samples(stored: str) -> None:
    """A bucket's stored bytes keep the meaning that they were released with, and are written today (A3)."""
    assert decode_bucket(bytes.fromhex(stored)) == BUCKETS[stored]
    assert encode_bucket(BUCKETS[stored]).hex() == stored


@pytest.mark.parametrize("stored", KEYS)
def test_key_samples(stored: bytes) -> None:
    """A stored key keeps the meaning that it was released with, and is written today."""
    assert parse_key(stored) == KEYS[stored]
    assert key_of(KEYS[stored]) == stored


@given(pair=strategies.pairs())
def test_pair_round_trip(pair: PairMemory) -> None:
    """A pair's memory is the same after storage, with any times."""
    assert decode_pair(encode_pair(pair)) == pair


@given(bucket=strategies.buckets())
def test_bucket_round_trip(bucket: CapBucket) -> None:
    """A bucket is the same after storage, with its ids in order."""
    assert decode_bucket(encode_bucket(bucket)) == bucket


@given(principal=HOSTILE, account=HOSTILE, start=st.integers())
def test_key_round_trip(principal: str, account: str, start: int) -> None:
    """A key gives its terms back, with any separators in them."""
    assert parse_key(pair_key(principal, account)) == PairKey(principal, account)
    assert parse_key(bucket_key(principal, start)) == BucketKey(principal, start)


@given(one=HOSTILE, other=HOSTILE, account=HOSTILE, start=st.integers(0))
@example(one="a", other='a","b', account="x", start=0)
@example(one="", other='"', account="x", start=0)
def test_prefix_is_of_one_principal(one: str, other: str, account: str, start: int) -> None:
    """The keys of one kind and one principal begin with its prefix, and no other key does."""
    assert pair_key(one, account).startswith(pair_prefix(one))
    assert bucket_key(one, start).startswith(bucket_prefix(one))
    assert pair_key(other, account).startswith(pair_prefix(one)) == (one == other)
    assert bucket_key(other, start).startswith(bucket_prefix(one)) == (one == other)
    assert not pair_key(one, account).startswith(bucket_prefix(one))
    assert not bucket_key(one, start).startswith(pair_prefix(one))


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"pair",
        b"\xff",
        b'["pair","p"]',
        b'["pair", "p", "222222222222"]',
        b'["pair","p",222222222222]',
        b'["pair","\xc3\xb4","222222222222"]',
        b'["bucket","p","1767225600000"]',
        b'["bucket","p",true]',
        b'["bucket","p",1.5]',
        b'["visit","p","222222222222"]',
        b"[" * 5000,
    ],
)
def test_other_keys_are_refused(key: bytes) -> None:
    """A key that this version does not write is refused and named: a newer version wrote it."""
    with pytest.raises(WireError, match="newer version"):
        parse_key(key)


def test_a_newer_memory_is_refused() -> None:
    """A worker that meets memory of a newer version refuses it by its fingerprint, and does not guess."""
    newer = bytes.fromhex("c301" + "0123456789abcdef" + "00")
    with pytest.raises(UnknownSchemaError, match=r"PairMemory.*0123456789abcdef"):
        decode_pair(newer)
    with pytest.raises(UnknownSchemaError, match=r"CapBucket.*0123456789abcdef"):
        decode_bucket(newer)


def test_the_largest_bucket_fits_into_a_topic() -> None:
    """A3: a bucket with the largest cap is far below the 1 MiB that any Kafka topic takes."""
    ids = tuple(str(uuid.UUID(int=number)) for number in range(MOST_ALERTS))
    assert len(encode_bucket(CapBucket(START, ids))) < 512 * 1024
