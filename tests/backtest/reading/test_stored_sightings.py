"""Sightings that are read again from the topic of sightings (U13)."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cloudtrail_messages import changed
from sightings import RULE

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.pipeline import ExtractSettings, sight
from streams.rules.rule_set import RuleSet
from streams.wire import sighting as codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.extraction.sighting import Sighting
    from streams.rules.rule import Rule

TAGS = "requestParameters.tags"
RESOURCES = [{"accountId": account} for account in ("444444444444", "333333333333")]
VALUE = json.dumps(
    changed({TAGS: ["b", "a"], "requestParameters.targetPrincipal": None, "resources": RESOURCES})
).encode()


def stored_record(offset: int, value: bytes) -> Any:
    """A Kafka record on the topic of sightings."""
    return SimpleNamespace(
        value=lambda: value,
        topic=lambda: "rootwatch.sightings",
        partition=lambda: 0,
        offset=lambda: offset,
        timestamp=lambda: (1, 1_767_268_800_000),
    )


def rule(rule_id: str, query: str = "event.action: AssumeRoot", terms: Sequence[str] = (TAGS,)) -> Rule:
    form: dict[str, Any] = {"event_source": None, "event_name": None, "incomplete": "count"}
    return replace(RULE, id=rule_id, query=query, terms=tuple(terms), **form)


def read_again(stored: Sequence[Sighting], *rules: Rule) -> list[tuple[str, tuple[str, ...]]]:
    """Rule and values of what is read, in order."""
    reader = Reader(ReadSettings(RuleSet(rules), ExtractSettings()))
    reader.records([stored_record(number, codec.encode(each)) for number, each in enumerate(stored)])
    return [(each.rule_id, each.values) for each in reader.sightings]


def stored_by(*rules: Rule) -> tuple[Sighting, ...]:
    return sight(VALUE, RuleSet(rules), ExtractSettings()).sightings


def test_each_stored_sighting_gives_itself() -> None:
    """U13: a record was stored for each rule and combination; each comes back once, and for its own rule alone."""
    rules = (RULE, rule("by-tag"), rule("by-event", terms=("event.action", TAGS)))
    stored = stored_by(*rules)
    assert len(stored) == 6
    assert read_again(stored, *rules) == [(each.rule_id, each.values) for each in stored]
    assert read_again(stored[3:4], *rules) == [(stored[3].rule_id, stored[3].values)]


def test_a_rule_with_other_terms_takes_them_from_the_stored_record() -> None:
    """U13: if the stored terms do not come out again, all that the rule takes of the record does."""
    [first, _] = stored_by(rule("r"))
    assert read_again([first], rule("r", terms=("event.action",))) == [("r", ("AssumeRoot",))]


def test_a_rule_that_does_not_take_the_record_any_more_gives_nothing() -> None:
    """U13: this run's query decides, for a rule of the stored id."""
    assert read_again(stored_by(rule("r")), rule("r", "event.outcome: failure"), rule("other")) == []


def test_a_record_of_a_rule_that_does_not_run_goes_to_those_that_do() -> None:
    """U13: a variant under another id sees what the stored rule saw."""
    [first, _] = stored_by(rule("gone"))
    assert read_again([first], rule("variant", terms=("event.action",))) == [("variant", ("AssumeRoot",))]
