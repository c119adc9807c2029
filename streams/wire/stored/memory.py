r"""The worker's memory as bytes: the contract of the state tables and their changelog topics.

These bytes outlive the process that wrote them, in RocksDB and in compacted topics. Version 1 of the contract:

- A value is Avro in single-object encoding, so it names its schema: ``schemas/tuple.avsc`` (``TupleMemory``),
  ``schemas/bucket.avsc`` (``CapBucket``), ``schemas/group.avsc`` (``GroupSummary``) or ``schemas/rule.avsc``
  (``RuleState``). Times are milliseconds since the epoch. All released versions are read. A value of a newer version is
  refused (``UnknownSchemaError``), never overwritten.
- A key is a JSON array without blanks, in ASCII (other characters as ``\u`` escapes, as in an alert's id, A1)::

      ["tuple","rule-id","0f3a…","arn:aws:iam::111111111111:user/alice","222222222222"]
      ["group","rule-id","0f3a…","arn:aws:iam::111111111111:user/alice"]
      ["bucket","rule-id","arn:aws:iam::111111111111:user/alice",1767225600000]
      ["rule","rule-id"]

  That is the rule's id and, for a tuple, the fingerprint of its terms and the values of the terms; for a group the
  first value; for a bucket the first value and the start of the cap's period.
- A JSON string ends at its closing quote, so keys are unambiguous for values with separators in them. Exactly the keys
  of the tuples of one group, or of its buckets, begin with its prefix (a RocksDB range scan).
- A key of another kind or form was written by a newer version, and is refused like a value of one.

The samples in ``tests/wire/stored/test_memory_bytes.py`` pin this contract.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import asdict

from streams.content.ascii_json import texts_in_ascii
from streams.detection.group_summary import GroupSummary, SeenOnDay
from streams.detection.memory import CapBucket, RuleState, TupleMemory
from streams.wire.generated.odd import OddError
from streams.wire.stored.large_summary import LARGE, LARGE_BYTES, LargeSummaries
from streams.wire.stored.state_key import parts_of, quoted, to_bytes, unknown
from streams.wire.value_codec import ValueCodec


def _group_datum(summary: GroupSummary) -> dict[str, Any]:
    return {"days": [{**day._asdict(), "first_seen": list(day.first_seen)} for day in summary.days]}


def _group(datum: dict[str, Any]) -> GroupSummary:
    days = datum["days"]
    return GroupSummary(tuple(SeenOnDay(day["day"], day["tuples"], tuple(day["first_seen"])) for day in days))


def _bucket_datum(bucket: CapBucket) -> dict[str, Any]:
    return {"start": bucket.start, "alert_ids": list(bucket.alert_ids)}


def _bucket(datum: dict[str, Any]) -> CapBucket:
    return CapBucket(datum["start"], tuple(datum["alert_ids"]))


TUPLE_CODEC = ValueCodec("tuple", {"TupleMemory": TupleMemory}, asdict, lambda datum: TupleMemory(**datum))
RULE_CODEC = ValueCodec("rule", {"RuleState": RuleState}, asdict, lambda datum: RuleState(**datum))
BUCKET_CODEC = ValueCodec("bucket", {"CapBucket": CapBucket}, _bucket_datum, _bucket)
GROUP_CODEC = ValueCodec("group", {"GroupSummary": GroupSummary, "SeenOnDay": SeenOnDay}, _group_datum, _group)

_LARGE_SUMMARIES = LargeSummaries(GROUP_CODEC.header)

ALL_TUPLES = b'["tuple",'  # exactly the keys of tuples begin with this
_PLAIN = rb"[ !#-\[\]-~]*"  # of ASCII, all that no key escapes
_PLAIN_TUPLE = re.compile(rb'\["tuple","(%b)","(%b)"(?:,"%b")+\]' % (_PLAIN, _PLAIN, _PLAIN))
_PLAIN_BUCKET = re.compile(rb'\["bucket","%b","%b",([1-9][0-9]{0,18})\]' % (_PLAIN, _PLAIN))
_TWO_TERMS = [str] * 5
_LONGEST_START = 19  # digits of the largest time


class TupleKey(NamedTuple):
    """The key of a ``TupleMemory``; ``terms`` is the fingerprint of the rule's terms."""

    rule_id: str
    terms: str
    values: tuple[str, ...]


class GroupKey(NamedTuple):
    """The key of a ``GroupSummary``; ``terms`` is the fingerprint of the rule's terms, ``value`` the first value."""

    rule_id: str
    terms: str
    value: str


class BucketKey(NamedTuple):
    """The key of a ``CapBucket``; ``value`` is the first value, ``start`` in milliseconds since the epoch."""

    rule_id: str
    value: str
    start: int


class RuleKey(NamedTuple):
    """The key of a ``RuleState``."""

    rule_id: str


Key = TupleKey | GroupKey | BucketKey | RuleKey


def encode_tuple(remembered: TupleMemory) -> bytes:
    """Return the stored value of a tuple's memory."""
    return TUPLE_CODEC.encode(remembered)


def decode_tuple(value: bytes) -> TupleMemory:
    """Return the tuple's memory from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    return TUPLE_CODEC.decode(value)


def encode_group(summary: GroupSummary, before: bytes | None = None) -> bytes:
    """Return the stored value of a group's summary; ``before`` is the one that it replaces, if that is known."""
    if len(summary.days) >= LARGE and GROUP_CODEC.writes_newest:
        try:
            return _LARGE_SUMMARIES.encode(summary, before)
        except OddError:
            pass
    return GROUP_CODEC.encode(summary)


def decode_group(value: bytes) -> GroupSummary:
    """Return the group's summary from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    if len(value) >= LARGE_BYTES:
        return _LARGE_SUMMARIES.decode(value, GROUP_CODEC.decode)
    return GROUP_CODEC.decode(value)


def encode_rule(state: RuleState) -> bytes:
    """Return the stored value of what a partition knows of a rule."""
    return RULE_CODEC.encode(state)


def decode_rule(value: bytes) -> RuleState:
    """Return what a partition knows of a rule from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    return RULE_CODEC.decode(value)


def encode_bucket(bucket: CapBucket) -> bytes:
    """Return the stored value of a cap's bucket."""
    return BUCKET_CODEC.encode(bucket)


def decode_bucket(value: bytes) -> CapBucket:
    """Return the cap's bucket from its stored value.

    Raises:
        WireError: the value is not one, or a newer version wrote it.
    """
    return BUCKET_CODEC.decode(value)


def tuple_key(rule_id: str, terms: str, values: tuple[str, ...]) -> bytes:
    """Return the key of a tuple."""
    return f'["tuple",{quoted(rule_id)},{quoted(terms)},{",".join(map(quoted, values))}]'.encode("ascii")


def tuple_key_behind(prefix: bytes, values: tuple[str, ...]) -> bytes:
    """Return the key of a tuple of the group that has this ``tuple_prefix``."""
    if len(values) == 1:
        return prefix + b"]"
    return b"%b,%b" % (prefix, texts_in_ascii(values[1:])[1:])


class GroupKeys(NamedTuple):
    """What the keys of a group's entries are made of: ``tuple_prefix``, ``bucket_prefix`` and ``group_key``."""

    tuple_prefix: bytes
    bucket_prefix: bytes
    group_key: bytes


def group_keys(rule_id: str, terms: str, value: str) -> GroupKeys:
    """Return them all, which takes less time than one by one."""
    of_tuples, of_buckets, of_group = _starts(rule_id, terms)
    written = texts_in_ascii([value])[1:-1]
    return GroupKeys(of_tuples + written, b"%b%b," % (of_buckets, written), b"%b%b]" % (of_group, written))


@lru_cache(maxsize=1024)
def _starts(rule_id: str, terms: str) -> tuple[bytes, bytes, bytes]:
    rule = f"{quoted(rule_id)},{quoted(terms)},"
    return f'["tuple",{rule}'.encode(), f'["bucket",{quoted(rule_id)},'.encode(), f'["group",{rule}'.encode()


def tuple_prefix(rule_id: str, terms: str, value: str) -> bytes:
    """Return what exactly the keys of a group's tuples begin with: the first value's closing quote is its end."""
    return f'["tuple",{quoted(rule_id)},{quoted(terms)},{quoted(value)}'.encode("ascii")


def group_key(rule_id: str, terms: str, value: str) -> bytes:
    """Return the key of a group's summary."""
    return f'["group",{quoted(rule_id)},{quoted(terms)},{quoted(value)}]'.encode("ascii")


def rule_key(rule_id: str) -> bytes:
    """Return the key of what a partition knows of a rule."""
    return to_bytes("rule", rule_id)


def bucket_key(rule_id: str, value: str, start: int) -> bytes:
    """Return the key of a group's bucket that begins at ``start``, in milliseconds since the epoch."""
    return to_bytes("bucket", rule_id, value, start)


def bucket_prefix(rule_id: str, value: str) -> bytes:
    """Return what exactly the keys of a group's buckets begin with."""
    return f'["bucket",{quoted(rule_id)},{quoted(value)},'.encode("ascii")


def bucket_start(key: bytes, prefix: bytes) -> int:
    """Return the start in a bucket's key, in milliseconds since the epoch; the key begins with its group's ``prefix``.

    Raises:
        WireError: the key does not have a form of this version.
    """
    digits = key[len(prefix) : -1]
    if digits.isdigit() and len(digits) <= _LONGEST_START:
        start = int(digits)
        if key == b"%b%d]" % (prefix, start):
            return start
    parsed = parse_key(key)
    if not isinstance(parsed, BucketKey):
        raise unknown(key)
    return parsed.start


def parse_key(key: bytes) -> Key:
    """Parse a stored key.

    Raises:
        WireError: the key does not have a form of this version.
    """
    parts = parts_of(key)
    kinds = [*map(type, parts)]
    parsed: Key | None = None
    if kinds == _TWO_TERMS and parts[0] == "tuple":  # nearly all keys
        parsed = TupleKey(parts[1], parts[2], (parts[3], parts[4]))
    else:
        match parts:
            case ["tuple", str(rule_id), str(terms), *values] if values and set(kinds) == {str}:
                parsed = TupleKey(rule_id, terms, tuple(values))
            case ["group", str(rule_id), str(terms), str(value)]:
                parsed = GroupKey(rule_id, terms, value)
            case ["bucket", str(rule_id), str(value), int(start)] if not isinstance(start, bool):
                parsed = BucketKey(rule_id, value, start)
            case ["rule", str(rule_id)]:
                parsed = RuleKey(rule_id)
    if parsed is None:
        raise unknown(key)
    return parsed


def plain_tuple(key: bytes) -> tuple[bytes, bytes] | None:
    """Return rule id and fingerprint of the terms in the key of a tuple; ``None`` unless it has no escapes."""
    found = _PLAIN_TUPLE.fullmatch(key)
    return None if found is None else (found[1], found[2])


def plain_bucket(key: bytes) -> int | None:
    """Return the start in the key of a bucket; ``None`` unless the key has no escapes and the start is positive."""
    found = _PLAIN_BUCKET.fullmatch(key)
    return None if found is None else int(found[1])


def key_of(parsed: Key) -> bytes:
    """Return the stored key: the inverse of ``parse_key``."""
    match parsed:
        case TupleKey():
            return tuple_key(*parsed)
        case GroupKey():
            return group_key(*parsed)
        case BucketKey():
            return bucket_key(*parsed)
        case RuleKey():
            return rule_key(*parsed)
