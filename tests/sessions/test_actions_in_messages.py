"""What ``sight`` finds of root sessions in a message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloudtrail_messages import MISSING, OTHER, RECORD, changed
from root_sessions import GRANTED_AT, HOUR, identity, record, taken
from sightings import RULE, RULES

from streams import pipeline
from streams.pipeline import ExtractSettings, sight
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    import pytest

FOLLOWING = ExtractSettings(follow_sessions=True)
QUERY = 'event.provider: "s3.amazonaws.com" and event.action: "DeleteBucketPolicy" and event.outcome: success'
OF_BUCKETS = RuleSet((replace(RULE, query=QUERY, event_source="s3.amazonaws.com", event_name="DeleteBucketPolicy"),))


def file_of(*records: dict[str, Any]) -> bytes:
    """A log file of these records."""
    return json.dumps({"Records": records}).encode()


def test_one_file_gives_sightings_and_actions() -> None:
    """S3: a message gives its actions in the order of its records beside its sightings; all others are counted."""
    first, second = record(eventID="1"), record(eventID="2", eventName="GetBucketPolicy", errorCode="AccessDenied")
    old = record(time=GRANTED_AT + HOUR)
    permanent = record(userIdentity=identity(accessKeyId="AKIAIOSFODNN7EXAMPLE"))
    result = sight(file_of(OTHER, first, RECORD, old, second, permanent), RULES, FOLLOWING)
    assert len(result.sightings) == 1
    assert result.actions == (taken(first), taken(second))
    assert result.no_candidates == {"not-root": 2, "too-old": 1, "permanent-key": 1}
    assert (sum(result.records.values()), sum(result.passed_over.values())) == (6, 5)


def test_each_record_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3: sightings and actions come from one reading of the message."""
    read, messages = pipeline.read, list[bytes | None]()

    def counting(value: bytes | None, limit: int) -> Any:
        messages.append(value)
        return read(value, limit)

    monkeypatch.setattr(pipeline, "read", counting)
    assert len(sight(file_of(record(), RECORD), RULES, FOLLOWING).actions) == 1
    assert len(messages) == 1


def test_without_sessions_there_are_no_actions() -> None:
    """S3: actions are taken only if sessions are followed; everything else is the same."""
    value = file_of(record(), OTHER, RECORD, changed({"userIdentity": MISSING}), {"no": "record"})
    with_sessions, without = sight(value, RULES, FOLLOWING), sight(value, RULES, ExtractSettings())
    assert (without.actions, dict(without.no_candidates)) == ((), {})
    assert with_sessions._replace(actions=(), no_candidates={}) == without


def test_a_record_may_be_a_sighting_and_an_action() -> None:
    """S3: under a rule of another event, a record of root may be both."""
    result = sight(json.dumps(record()).encode(), OF_BUCKETS, FOLLOWING)
    assert [sighting.event.id for sighting in result.sightings] == [action.event.id for action in result.actions]


def test_an_incomplete_sighting_may_be_an_action() -> None:
    """S3, T5: what a sighting does not have, an action may not need."""
    result = sight(json.dumps(record(userIdentity=identity(arn=None))).encode(), OF_BUCKETS, FOLLOWING)
    assert [rejected.reason for rejected in result.rejected] == ["incomplete"]
    assert len(result.actions) == 1


def test_a_bad_element_costs_no_action() -> None:
    """R4, S3: the good records of a message count."""
    result = sight(json.dumps([{"no": "record"}, record(), 7]).encode(), RULES, FOLLOWING)
    assert [rejected.element for rejected in result.rejected] == [0, 2]
    assert len(result.actions) == 1
