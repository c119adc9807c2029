"""The sweep of a partition of several rules: what it forgets when, and what it counts (M8, U6, U11)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import DAY, MINUTE, NOON
from three_rules import ONE, RULES, SETTINGS, THREE, TWO, RulesPartition, batches, changed, histories, of_rule, rule

from streams.detection.group_summary import SMALL
from streams.pipeline import Seen
from streams.rules.rule_set import RuleSet
from streams.wire.single_object import WireError
from streams.wire.stored import memory as codec
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting, Sweep

FLAT = 5 * DAY


def round_at(partition: RulesPartition, now: int, rules: RuleSet = RULES, sweep: Sweep | None = None) -> None:
    """Let a sweep go round the partition once at a time, and store what it changes."""
    batch = PartitionMemory(0, partition.store, b"offset")
    known = {rule_id: each for rule_id, each in SETTINGS.items() if rule_id in rules.by_id}
    seen = [Seen(now, now)] * (len(partition.store.entries) + 1)
    (sweep or Sweep()).forget(batch, seen, Forgetting(rules, known, FLAT))
    for key, value in batch.changes():
        if value is None:
            partition.store.entries.pop(key, None)
        else:
            partition.store.entries[key] = value


def kept(partition: RulesPartition, kind: type[codec.Key]) -> set[str]:
    """The rules with entries of a kind."""
    parsed = map(codec.parse_key, partition.store.entries)
    return {key.rule_id for key in parsed if isinstance(key, kind)}


def entries(partition: RulesPartition, rule_id: str) -> int:
    """How many entries a rule has by what the partition knows of it."""
    value = partition.store.get(codec.rule_key(rule_id))
    assert value is not None
    return codec.decode_rule(value).entries


def filled() -> RulesPartition:
    """A partition with tuples of each rule, and summaries of the groups of two rules."""
    partition = RulesPartition()
    partition.handle([of_rule(ONE, NOON, f"region-{number}") for number in range(SMALL + 1)])
    partition.handle([of_rule(TWO, NOON, "1", f"user-{number}") for number in range(SMALL + 1)])
    partition.handle([of_rule(THREE, NOON, "1", "region", f"user-{number}") for number in range(SMALL + 1)])
    return partition


@pytest.mark.parametrize("rest", [b",5]", b"", b"]x", b',{"v":2}]', b',"c",5]'])
def test_a_key_of_another_form_is_refused_as_it_is_passed(rest: bytes) -> None:
    """Only a newer release writes such a key; it is not counted among the tuples whose keys begin alike."""
    partition = filled()
    known = next(key for key in partition.store.entries if key.startswith(b'["tuple","one"'))
    partition.store.entries[known.removesuffix(b"]") + rest] = partition.store.entries[known]
    with pytest.raises(WireError):
        round_at(partition, NOON)


@pytest.mark.parametrize(
    ("days", "running", "left"),
    [
        (0, {"one", "two", "three"}, {"one", "two", "three"}),
        (1, {"one", "two", "three"}, {"one", "two"}),
        (2, {"one", "two", "three"}, {"two"}),
        (4, {"one", "two", "three"}, set()),
        (4, {"one", "two"}, {"three"}),
        (4, {"one"}, {"two", "three"}),
        (7, {"one"}, set()),
    ],
)
def test_each_rule_forgets_by_its_own_setting_and_a_gone_one_by_the_flat_one(
    days: int, running: set[str], left: set[str]
) -> None:
    """M8, U6: tuples and summaries go within a day after forget_after, of gone rules by the flat one."""
    partition = filled()
    rules = RuleSet([each for each in (ONE, TWO, THREE) if each.id in running])
    round_at(partition, NOON + days * DAY + MINUTE, rules)
    assert kept(partition, codec.TupleKey) == left
    assert kept(partition, codec.GroupKey) == left - {"one"}
    assert kept(partition, codec.RuleKey) == running | left
    assert all(entries(partition, each) == (SMALL + 1) * (each in left) for each in running)


def test_tuples_of_terms_that_a_rule_no_longer_has_are_forgotten_by_the_flat_setting() -> None:
    """U6: the rule runs with other terms now; what it knew before is neither counted nor deleted early."""
    partition = filled()
    other = rule("three", "user.name", "cloud.region")
    rules = RuleSet([ONE, TWO, other])
    round_at(partition, NOON + 4 * DAY, rules)
    assert kept(partition, codec.TupleKey) == {"three"}
    assert entries(partition, "three") == 0
    round_at(partition, NOON + 7 * DAY, rules)
    assert kept(partition, codec.TupleKey) == set()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_round_sets_wrong_counts_right_whatever_the_batches(data: st.DataObject) -> None:
    """U11: whatever a crash left in the rules' states, the counts are right when the sweep has gone round."""
    sightings = data.draw(histories())
    partition = RulesPartition(changed(forget_after=400 * DAY), sweep=Sweep())
    for batch in batches(data.draw, sightings):
        partition.handle(batch)
        for rule_id in kept(partition, codec.RuleKey):
            key, drift = codec.rule_key(rule_id), data.draw(st.integers(0, 9))
            state = codec.decode_rule(partition.store.entries[key])
            partition.store.entries[key] = codec.encode_rule(state.with_entries(drift))
    now = max((seen.event.time for seen in sightings), default=NOON)
    last = [of_rule(ONE, now, "b", event_id=f"last-{number}") for number in range(30)]
    for batch in batches(data.draw, last), batches(data.draw, last), [last, last]:
        for part in batch:
            partition.handle(part)
    stored = [codec.parse_key(key) for key in partition.store.entries]
    for rule_id in kept(partition, codec.RuleKey):
        tuples = [key for key in stored if isinstance(key, codec.TupleKey) and key.rule_id == rule_id]
        assert entries(partition, rule_id) == len(tuples)


def test_saturation_ends_when_tuples_are_forgotten() -> None:
    """U11: what the sweep deletes makes room for new tuples."""
    partition = RulesPartition(changed(max_entries=2, forget_after=DAY, max_alerts=0), sweep=Sweep())
    partition.handle([of_rule(TWO, NOON, "1", user) for user in ("a", "b", "c")])
    assert [alert.kind for alert in partition.said] == ["first", "first", "unknown"]
    later = NOON + 3 * DAY
    partition.handle([of_rule(ONE, later + place, "r") for place in range(9)])
    partition.handle([of_rule(TWO, later + MINUTE, "1", "c")])
    assert partition.said[-1].kind == "first"
    assert entries(partition, "two") == 1


def test_a_round_over_two_stores_counts_nothing() -> None:
    """U11: if a partition comes back after another worker had it, a round that began before corrects no count."""
    partition, reopened, sweep = filled(), RulesPartition(), Sweep()
    forgetting = Forgetting(RULES, SETTINGS, FLAT)
    sweep.forget(PartitionMemory(0, partition.store, b"offset"), [Seen(NOON, NOON)] * 3, forgetting)
    reopened.store.entries = dict(partition.store.entries)
    reopened.handle([of_rule(ONE, NOON, "a-region-that-was-passed")])
    before = entries(reopened, "one")
    rest = PartitionMemory(0, reopened.store, b"offset")
    sweep.forget(rest, [Seen(NOON, NOON)] * len(reopened.store.entries), forgetting)
    assert before == SMALL + 2
    assert rest.changes() == []
    round_at(reopened, NOON, sweep=sweep)
    assert entries(reopened, "one") == before
