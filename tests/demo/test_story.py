from __future__ import annotations

import gzip
import ipaddress
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from streams import pipeline
from streams.demo import shapes, story
from streams.demo.organisation import ACCOUNTS
from streams.sessions.grant import grant_of
from streams.sessions.joining.join import belongs
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.demo.story import Message
    from streams.pipeline import SightResult

DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
SETTINGS = Settings.model_validate({})
RULES = SETTINGS.load_rules()
RULE = RULES.rules[0].rule


def readings(messages: Sequence[Message]) -> list[tuple[Message, SightResult]]:
    return [(message, pipeline.sight(message.value, RULES, SETTINGS.extract_settings())) for message in messages]


def text_of(value: bytes) -> str:
    return (gzip.decompress(value) if value.startswith(b"\x1f\x8b") else value).decode()


@pytest.mark.parametrize("part", [story.days_before, story.morning])
def test_the_samples_are_the_same_every_time(part: Callable[[], list[Message]]) -> None:
    """The samples are the same bytes everywhere, so that everybody sees the same alerts with the same ids (A1)."""
    assert part() == part()


def test_nothing_in_the_samples_is_anybodys() -> None:
    """Accounts are the organisation's, addresses are of the ranges for documentation, and access keys are examples."""
    known = {account.id for account in ACCOUNTS}
    for message, result in readings([*story.days_before(), *story.morning()]):
        text = text_of(message.value)
        assert message.account in known
        assert set(re.findall(r"arn:aws[a-z-]*:[a-z0-9]+:[a-z0-9-]*:(\d{12})", text)) <= known
        assert all(key.endswith("EXAMPLE") for key in re.findall(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]+", text))
        for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text.replace("lang/python#3.12.10", "")):
            assert address.count(".") < 3 or _is_documentation(address) or f"/{address}" in text
        for sighting in result.sightings:
            assert sighting.member_account in known


def _is_documentation(address: str) -> bool:
    return any(ipaddress.ip_address(address) in network for network in DOCUMENTATION)


def test_the_days_before_teach_more_than_one_principal() -> None:
    """Every message of the days before holds a sighting, and all are early enough to teach only (M6)."""
    learned = [sighting for _, result in readings(story.days_before()) for sighting in result.sightings]
    assert all(result.sightings for _, result in readings(story.days_before()))
    assert all(sighting.event.time <= story.LEARN_UNTIL.timestamp() * 1000 for sighting in learned)
    assert len({sighting.principal for sighting in learned}) == 3


def test_the_morning_is_mostly_ordinary() -> None:
    """Of several hundred records by every road (R1), few messages hold a mark of the rule, and one is cut (R3)."""
    told = readings(story.morning())
    may_match = pipeline.compile_matcher(RULES, SETTINGS.extract_settings())
    records = sum(sum(result.records.values()) for _, result in told)
    assert records > 500
    assert sum(may_match(message.value) for message, _ in told) == 9
    assert [rejected.reason for _, result in told for rejected in result.rejected] == ["malformed"]
    names = {message.name for message, _ in told}
    assert names == {name.replace("_", "-") for name in shapes.ROADS} | {"cut-in-half"}


def test_root_acts_in_three_of_the_sessions() -> None:
    """S4: the records of root join the sessions of the morning that were used, and no other; the last one is unused."""
    follow = replace(SETTINGS.extract_settings(), follow_sessions=True)
    read = [pipeline.sight(message.value, RULES, follow) for message in story.morning()]
    opened = {grant_of(sighting, RULE.id, None) for result in read for sighting in result.sightings}
    grants = sorted((one.grant for one in opened if one is not None), key=lambda grant: grant.time)
    actions = {action for result in read for action in result.actions}
    used = [[action.event.name for action in actions if belongs(action, grant)] for grant in grants]
    assert [names for names in used if names] == [["CreateLoginProfile"], *[["DeleteBucketPolicy"]] * 2]
    assert used[-2:] == [["DeleteBucketPolicy"], []]
    assert sum(map(len, used)) == len(actions)


def test_no_message_is_from_before_its_records() -> None:
    """A message's Kafka timestamp is not before any of its events, as live, so that none is incomplete (T5)."""
    for message, result in readings([*story.days_before(), *story.morning()]):
        for sighting in result.sightings:
            assert sighting.event.time <= message.time.timestamp() * 1000


@pytest.mark.parametrize("road", shapes.ROADS)
def test_every_road_keeps_every_record(road: str) -> None:
    """All records are read again, whatever road they take (R1)."""
    records = [json.loads(message.value) for message in story.morning() if message.name == "plain"][:3]
    read = [pipeline.sight(value, RULES, SETTINGS.extract_settings()) for _, value in shapes.ROADS[road](records)]
    assert sum(sum(result.records.values()) for result in read) == len(records)
