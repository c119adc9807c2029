"""Three rules of one, two and three terms in one partition: crashes, batches and the plain model (A2, M9, U5, U15)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sightings import DAY, MINUTE, NOON
from three_rules import (
    ONE,
    RULES,
    SETTINGS,
    THREE,
    TWO,
    RulesHistory,
    RulesPartition,
    arrivals,
    batches,
    changed,
    histories,
    of_rule,
)

from streams.detection.group_summary import SMALL
from streams.pipeline import Seen, partition_time
from streams.rules.rule_set import RuleSet
from streams.wire.stored import memory as codec
from streams.worker.state import stored_group
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting, Sweep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from streams.detection.decision import Decision
    from streams.detection.memory import RuleState, TupleMemory
    from streams.extraction.sighting import Sighting

LAW = settings(deadline=None, max_examples=50)
BY_TERMS = {rule.rule.id: rule.terms_fingerprint for rule in RULES.rules}


def tuples(partition: RulesPartition) -> dict[codec.TupleKey, TupleMemory]:
    """What a partition's store remembers."""
    parsed = ((codec.parse_key(key), value) for key, value in partition.store.entries.items())
    return {key: codec.decode_tuple(value) for key, value in parsed if isinstance(key, codec.TupleKey)}


def states(partition: RulesPartition) -> dict[str, RuleState]:
    """What a partition's store knows of its rules."""
    found = ((rule.id, partition.store.get(codec.rule_key(rule.id))) for rule in (ONE, TWO, THREE))
    return {rule_id: codec.decode_rule(value) for rule_id, value in found if value is not None}


def buckets(partition: RulesPartition) -> dict[bytes, bytes]:
    """The cap buckets of a partition's store."""
    return {key: value for key, value in partition.store.entries.items() if key.startswith(b'["bucket"')}


def counts(partition: RulesPartition, now: int) -> dict[tuple[str, str, tuple[str, ...] | None], int]:
    """How many others each tuple of two or three terms, remembered or not, has at a time."""
    batch = PartitionMemory(0, partition.store, b"offset")
    counted = {}
    for key in (*tuples(partition), *(codec.TupleKey(each, BY_TERMS[each], ("a", "?")) for each in ("two", "three"))):
        rule = {"two": TWO, "three": THREE}.get(key.rule_id)
        if rule is None:
            continue
        values = (*key.values, "?")[: len(rule.terms)]
        group = batch.group(of_rule(rule, now, *values), RULES.by_id[rule.id])
        earliest_day = (now - SETTINGS[rule.id].forget_after) // DAY
        counted[key.rule_id, key.values[0], key.values] = (
            group.summary().others(group.remembered(key.values), earliest_day).number
        )
    return counted


def sweep_once(partition: RulesPartition, now: int) -> None:
    """Let the sweep pass every entry once, where nothing is old enough to be deleted."""
    batch = PartitionMemory(0, partition.store, b"offset")
    forgetting = Forgetting(RULES, changed(forget_after=400 * DAY), 400 * DAY)
    Sweep().forget(batch, [Seen(now, now)] * (len(partition.store.entries) + 1), forgetting)
    for key, value in batch.changes():
        if value is None:
            partition.store.entries.pop(key, None)
        else:
            partition.store.entries[key] = value


def small_are(tuples: int) -> AbstractContextManager[object]:
    """Store the summaries of all groups with more tuples than this."""
    return patch.object(stored_group, "SMALL", tuples)


def comparable(decision: Decision, *, whole: bool) -> Decision:
    """A decision without its summary, which may be kept or counted; unless ``whole``, without the alert's words too."""
    return replace(decision, summary=None, alert=decision.alert if whole else None)


def newest(sightings: Sequence[Sighting]) -> int:
    """The latest time of sightings."""
    return max((seen.event.time for seen in sightings), default=NOON)


@LAW
@given(st.data(), st.sampled_from([0, 1, SMALL]))
def test_a_crash_at_any_change_of_a_batch_loses_nothing_and_adds_nothing(data: st.DataObject, small: int) -> None:
    """A2, U5, U15: any prefix of a batch's changelog and the batch again give what the batch alone gives.

    These are the alerts with their ids, topics and counts, the tuples, buckets and summaries, when each rule began to
    learn, and, once the sweep went round, how many entries each rule has.
    """
    with small_are(small):
        crash_everywhere(data)


def crash_everywhere(data: st.DataObject) -> None:
    """Compare a partition without a crash with one for each length of a batch's changelog."""
    sightings = data.draw(histories(14))
    learn = data.draw(st.sampled_from([None, 0, 10 * MINUTE]))
    rules = changed(learn=learn)
    calm = RulesPartition(rules)
    cut = batches(data.draw, sightings)
    crashing = data.draw(st.integers(0, len(cut) - 1))
    for batch in cut[:crashing]:
        calm.handle(batch)
    before, said_before = dict(calm.store.entries), list(calm.said)
    for batch in cut[crashing:]:
        calm.handle(batch)
    length = 0

    def noted(changes: int) -> int:
        nonlocal length
        length = changes
        return 0

    probe = RulesPartition(rules)
    probe.store.entries = dict(before)
    probe.handle(cut[crashing], noted)
    now = newest(sightings)
    for kept in range(length + 1):
        killed = RulesPartition(rules)
        killed.store.entries, killed.said = dict(before), list(said_before)
        killed.handle(cut[crashing], lambda _changes, kept=kept: kept)
        for batch in cut[crashing:]:
            killed.handle(batch)
        assert list(dict.fromkeys(killed.said)) == calm.said
        assert tuples(killed) == tuples(calm)
        assert buckets(killed) == buckets(calm)
        assert counts(killed, now) == counts(calm, now)
        for partition in (killed, calm):
            sweep_once(partition, now)
        assert states(killed) == states(calm)


@LAW
@given(st.data())
def test_alerts_keep_their_topics_over_a_crash_in_any_order_of_arrival(data: st.DataObject) -> None:
    """A2, A3, U15: with late sightings too, a crash changes no id and no topic, and loses no tuple."""
    sightings = data.draw(arrivals())
    calm, killed = RulesPartition(), RulesPartition()
    for batch in batches(data.draw, sightings):
        calm.handle(batch)
    for batch in batches(data.draw, sightings):
        if data.draw(st.booleans()):
            killed.handle(batch, lambda changes: data.draw(st.integers(0, changes)))
        killed.handle(batch)
    assert list(dict.fromkeys(killed.sent)) == calm.sent
    assert tuples(killed) == tuples(calm)


@LAW
@given(st.data())
def test_a_store_decides_like_dicts(data: st.DataObject) -> None:
    """M9: whatever the batches, a partition in a store decides as one in dicts, and remembers the same.

    In order of time, alerts also give the same counts. A late sighting may ask for days that one summary has dropped.
    """
    in_order = data.draw(st.booleans())
    sightings = data.draw(histories() if in_order else arrivals())
    rules = changed(
        learn=data.draw(st.sampled_from([None, 10 * MINUTE])),
        max_entries=data.draw(st.sampled_from([2, 1_000])),
        learn_until=data.draw(st.sampled_from([None, NOON + MINUTE])),
    )
    plain, stored = RulesHistory(rules, RULES), RulesPartition(rules)
    decisions = [plain.take(seen) for seen in sightings]
    with small_are(data.draw(st.sampled_from([0, SMALL]))):
        for batch in batches(data.draw, sightings):
            stored.handle(batch)
    assert [comparable(each, whole=in_order) for each in stored.decisions] == [
        comparable(each, whole=in_order) for each in decisions
    ]
    assert states(stored) == plain.memory.states
    assert {(key.rule_id, key.values): kept for key, kept in tuples(stored).items()} == {
        (rule_id, values): kept
        for (rule_id, _), group in plain.memory.groups.items()
        for values, kept in group.tuples.items()
    }


@LAW
@given(st.data())
def test_a_rule_decides_alike_whatever_runs_beside_it(data: st.DataObject) -> None:
    """M9, U15: other rules, and the order in which rules are given, change no decision of a rule."""
    sightings = data.draw(histories())
    together = RulesPartition(rules=RuleSet(data.draw(st.permutations([ONE, TWO, THREE]))), sweep=Sweep())
    for batch in batches(data.draw, sightings):
        together.handle(batch)
    for rule in (ONE, TWO, THREE):
        own = [seen for seen in sightings if seen.rule_id == rule.id]
        alone = RulesPartition({rule.id: SETTINGS[rule.id]}, RuleSet([rule]))
        for batch in batches(data.draw, own):
            alone.handle(batch)
        paired = zip(sightings, together.decisions, strict=True)
        decided = [decision for seen, decision in paired if seen.rule_id == rule.id]
        assert [(each.outcome, each.alert) for each in decided] == [
            (each.outcome, each.alert) for each in alone.decisions
        ]


@LAW
@given(st.data())
def test_the_sweep_changes_no_decision_whatever_the_batches(data: st.DataObject) -> None:
    """M8, U5: in order of time, a partition that deletes what is forgotten decides like one that deletes nothing."""
    sightings = data.draw(histories())
    keeping, sweeping = RulesPartition(), RulesPartition(sweep=Sweep())
    with small_are(data.draw(st.sampled_from([0, SMALL]))):
        for batch in batches(data.draw, sightings):
            keeping.handle(batch)
        for batch in batches(data.draw, sightings):
            sweeping.handle(batch)
    assert sweeping.said == keeping.said
    assert set(tuples(sweeping)) <= set(tuples(keeping))


def test_a_batch_that_changes_no_summary_sends_none() -> None:
    """U5: a known tuple on the same day writes its tuple only."""
    partition = RulesPartition()
    partition.handle([of_rule(TWO, NOON, "1", "alice")])
    batch = PartitionMemory(0, partition.store, b"offset")
    partition.decide(batch, of_rule(TWO, NOON + MINUTE, "1", "alice"))
    assert [codec.parse_key(key) for key, _ in batch.changes()] == [
        codec.TupleKey("two", BY_TERMS["two"], ("1", "alice"))
    ]


def test_a_summary_is_deleted_before_its_tuples_are_sent_and_sent_behind_them() -> None:
    """A2, U5: the changelog never holds a summary beside tuples that it does not count."""
    partition = RulesPartition()
    partition.handle([of_rule(TWO, NOON, "1", f"user-{number}") for number in range(SMALL + 1)])
    batch = PartitionMemory(0, partition.store, b"offset")
    partition.decide(batch, of_rule(TWO, NOON + 1, "1", "bob"))
    kinds = [(type(codec.parse_key(key)), value is None) for key, value in batch.changes()]
    group = kinds.index((codec.GroupKey, True))
    assert kinds[group:] == [
        (codec.GroupKey, True),
        (codec.TupleKey, False),
        (codec.GroupKey, False),
        (codec.RuleKey, False),
    ]


def test_a_rule_of_one_term_keeps_no_summary() -> None:
    """U5: a group of one term is one tuple, which has no others."""
    partition = RulesPartition()
    with small_are(0):
        partition.handle([of_rule(ONE, NOON, "eu-central-1"), of_rule(ONE, NOON + 1, "eu-west-1")])
    assert not [key for key in partition.store.entries if key.startswith(b'["group"')]
    assert [(alert.others, alert.is_new) for alert in partition.said] == [(0, True), (0, True)]


def test_the_time_of_a_partition_is_that_of_all_of_its_rules() -> None:
    """M8: the age of entries is measured from the newest event of any rule."""
    seen = [Seen(NOON, NOON + DAY), Seen(NOON + 3, NOON + DAY)]
    time = partition_time(None, seen)
    assert time is not None
    assert time.now == NOON + 3
