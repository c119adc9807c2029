"""The first sweep deleted what is known of a rule that did not run by its own age, while its tuples were remembered."""

from __future__ import annotations

from memory_store import Partition
from sightings import DAY, NOON, RULE, RULES, sighting, with_settings

from streams.pipeline import Seen
from streams.rules.rule_set import RuleSet
from streams.wire.stored import memory as codec
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting, Sweep

SETTINGS = with_settings(window=DAY, forget_after=10 * DAY)


def after_a_round(partition: Partition, now: int) -> set[bytes]:
    """The keys that a sweep leaves which does not know the rule, after it went round the partition."""
    batch = PartitionMemory(0, partition.store, b"offset")
    Sweep().forget(batch, [Seen(now, now)] * 5, Forgetting(RuleSet([]), {}, SETTINGS.forget_after))
    return partition.store.entries.keys() - {key for key, value in batch.changes() if value is None}


def test_what_is_known_of_a_rule_lives_as_long_as_a_tuple_of_it() -> None:
    """U6: a rule that comes back finds its learning where it finds its tuples, and else neither."""
    partition = Partition(SETTINGS, rules=RULES)
    for day in (0, 9, 18):
        partition.handle([sighting(NOON + day * DAY)])
    known = codec.rule_key(RULE.id)
    assert known in after_a_round(partition, NOON + 27 * DAY)  # the first sighting is 27 days old, the last one nine
    left = after_a_round(partition, NOON + 30 * DAY)
    assert not any(isinstance(codec.parse_key(key), codec.TupleKey) for key in left)
    assert known not in left
