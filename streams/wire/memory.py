r"""The worker's memory as bytes: the contract of the state tables and their changelog topics.

These bytes outlive the process that wrote them, in RocksDB and in compacted topics. Version 1 of the contract:

- A value is Avro in single-object encoding, so it names its schema: ``schemas/pair.avsc`` (``PairMemory``) or
  ``schemas/bucket.avsc`` (``CapBucket``). Times are milliseconds since the epoch. All released versions are read. A
  value of a newer version is refused (``UnknownSchemaError``), never overwritten.
- A key is a JSON array without blanks, in ASCII (other characters as ``\u`` escapes, as in an alert's id, A1)::

      ["pair","arn:aws:iam::111111111111:user/alice","222222222222"]      principal, member account
      ["bucket","arn:aws:iam::111111111111:user/alice",1767225600000]     principal, start of the cap's period

- A JSON string ends at its closing quote, so keys are unambiguous for principals with separators in them. Exactly the
  keys of one kind and principal begin with its prefix (a RocksDB range scan).
- A key of another kind or form was written by a newer version, and is refused like a value of one.

The samples in ``tests/wire/test_memory_bytes.py`` pin this contract.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.detection.memory import CapBucket, PairMemory
from streams.wire.single_object import SingleObjectCodec
from streams.wire.state_key import parts_of, to_bytes, unknown

_PAIR = SingleObjectCodec.of("pair")
_BUCKET = SingleObjectCodec.of("bucket")

ALL_PAIRS = b'["pair",'  # exactly the keys of pairs begin with this


class PairKey(NamedTuple):
    """The key of a ``PairMemory``."""

    principal: str
    member_account: str


class BucketKey(NamedTuple):
    """The key of a ``CapBucket``; ``start`` in milliseconds since the epoch."""

    principal: str
    start: int


def encode_pair(pair: PairMemory) -> bytes:
    """Return the stored value of a pair's memory."""
    return _PAIR.encode({name: getattr(pair, name) for name in PairMemory.__dataclass_fields__})


def decode_pair(value: bytes) -> PairMemory:
    """Return the pair's memory from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    return PairMemory(**_PAIR.decode(value))


def encode_bucket(bucket: CapBucket) -> bytes:
    """Return the stored value of a cap's bucket."""
    return _BUCKET.encode({"start": bucket.start, "alert_ids": list(bucket.alert_ids)})


def decode_bucket(value: bytes) -> CapBucket:
    """Return the cap's bucket from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    datum = _BUCKET.decode(value)
    return CapBucket(datum["start"], tuple(datum["alert_ids"]))


def pair_key(principal: str, member_account: str) -> bytes:
    """Return the key of the pair."""
    return to_bytes("pair", principal, member_account)


def pair_prefix(principal: str) -> bytes:
    """Return the prefix of exactly the keys of the principal's pairs."""
    return _prefix("pair", principal)


def bucket_key(principal: str, start: int) -> bytes:
    """Return the key of the principal's bucket that begins at ``start``, in milliseconds since the epoch."""
    return to_bytes("bucket", principal, start)


def bucket_prefix(principal: str) -> bytes:
    """Return the prefix of exactly the keys of the principal's buckets."""
    return _prefix("bucket", principal)


def parse_key(key: bytes) -> PairKey | BucketKey:
    """Parse a stored key.

    Raises:
        WireError: the key does not have a form of this version.
    """
    parsed: PairKey | BucketKey | None = None
    match parts_of(key):
        case ["pair", str(principal), str(member_account)]:
            parsed = PairKey(principal, member_account)
        case ["bucket", str(principal), int(start)] if not isinstance(start, bool):
            parsed = BucketKey(principal, start)
    if parsed is None or key_of(parsed) != key:
        raise unknown(key)
    return parsed


def key_of(parsed: PairKey | BucketKey) -> bytes:
    """Return the stored key: the inverse of ``parse_key``."""
    return pair_key(*parsed) if isinstance(parsed, PairKey) else bucket_key(*parsed)


def _prefix(kind: str, principal: str) -> bytes:
    return to_bytes(kind, principal)[:-1] + b","
