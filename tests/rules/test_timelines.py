"""The timelines of rules: ``timelines/<rule>.toml``; the head of the file explains its form."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sightings import ALICE, BOB, History, sighting, with_settings

from streams.detection.exception import ExceptionEntry
from streams.rules.duration import milliseconds
from streams.rules.rule_file import parse

if TYPE_CHECKING:
    from streams.detection.decision import Decision
    from streams.extraction.sighting import Sighting

STATEMENTS = ("M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "A3")
WHO = {"alice": ALICE, "bob": BOB}
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")

RULES = sorted(path.name for path in (Path(__file__).parent / "timelines").glob("*.toml"))


def timelines(rule: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "timelines" / rule).read_text())["timeline"]
    return found


def told(decision: Decision) -> str:
    kind: str = decision.alert.novelty.kind if decision.alert is not None else ""
    return kind if decision.outcome == "alert" else decision.outcome


def history(timeline: dict[str, Any], rule: str) -> History:
    settings: dict[str, Any] = {key: timeline[key] for key in ("clock", "max_alerts") if key in timeline}
    settings |= {key: milliseconds(timeline[key]) for key in ("window", "forget_after") if key in timeline}
    if "learn_until" in timeline:
        settings["learn_until"] = epoch_milliseconds(timeline["learn_until"])
    settings["exceptions"] = tuple(ExceptionEntry(**entry) for entry in timeline.get("exceptions", ()))
    text = files("streams.rules").joinpath("shipped", rule).read_text(encoding="utf-8")
    return History(with_settings(**settings), parse(text, rule))


def step(line: str) -> tuple[Sighting, str]:
    time, who, account, expected, *words = line.split()
    values = dict(word.split("=") for word in words if "=" in word)
    policy = values.get("policy", "S3UnlockBucketPolicy")
    seen = sighting(
        epoch_milliseconds(datetime.fromisoformat(time)),
        WHO[who],
        account,
        event_id=values.get("id"),
        task_policy=None if policy == "none" else f"arn:aws:iam::aws:policy/root-task/{policy}",
        kafka_time=epoch_milliseconds(datetime.fromisoformat(values["kafka"])) if "kafka" in values else None,
        teaching="teaching" in words,
    )
    return seen, expected


def epoch_milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("rule", "timeline"),
    [
        pytest.param(rule, timeline, id=f"{rule}: {timeline['statement']}: {timeline['claim']}")
        for rule in RULES
        for timeline in timelines(rule)
    ],
)
def test_a_timeline_goes_as_told(rule: str, timeline: dict[str, Any]) -> None:
    """M1 to M8, A3: each step of a timeline is decided as its table says."""
    steps = [step(line) for line in timeline["steps"].strip().splitlines()]
    decisions = history(timeline, rule).take_all(seen for seen, _ in steps)
    assert [told(decision) for decision in decisions] == [expected for _, expected in steps]


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("rule", RULES)
def test_every_statement_has_one_that_fires_and_one_that_is_silent(rule: str, statement: str) -> None:
    """A shipped rule has timelines: for each statement one that ends with an alert and one that does not."""
    last = [t["steps"].split("\n")[-2].split()[3] for t in timelines(rule) if t["statement"] == statement]
    assert {expected in {"first", "returned"} for expected in last} == {True, False}
