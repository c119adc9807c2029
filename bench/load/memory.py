"""A changelog as workers write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection.group_summary import GroupSummary
from streams.detection.memory import TupleMemory
from streams.settings import Settings
from streams.wire.stored.memory import encode_group, encode_tuple, group_key, tuple_key

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 100  # tuples of a group
START = 1_767_225_600_000  # 2026-01-01 UTC, in milliseconds


def changelog(tuples: int, partitions: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of so many tuples of the shipped rule, and of their groups' summaries.

    For a restore the partition of a group does not matter.
    """
    rule = Settings().load_rules().rules[0]
    rule_id, terms = rule.rule.id, rule.terms_fingerprint
    group: list[TupleMemory] = []
    for number in range(tuples):
        principal, account = divmod(number, ACCOUNTS)
        first = START + 977 * number
        values = (f"arn:aws:iam::{principal % 97:012d}:role/service/job-{principal}", f"{account * 7919:012d}")
        partition = principal % partitions
        remembered = TupleMemory(first_seen=first, last_seen=first + 3_600_000 * (number % 24), times_seen=3)
        group.append(remembered)
        yield partition, tuple_key(rule_id, terms, values), encode_tuple(remembered)
        if account == ACCOUNTS - 1:
            yield partition, group_key(rule_id, terms, values[0]), encode_group(GroupSummary.of(group))
            group = []
