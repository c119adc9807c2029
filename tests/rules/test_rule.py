from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest
from sightings import DAY, MINUTE, RULE

from streams.rules.rule_errors import RuleErrors
from streams.rules.rule_file import parse

SHIPPED = files("streams.rules").joinpath("shipped/assume_root.toml").read_text(encoding="utf-8")

SMALLEST = """
id = "my-rule"
name = "My rule"
version = 3
severity = "high"
risk_score = 73
event_source = "sts.amazonaws.com"
event_name = "AssumeSomething"
window = "7d"
"""


def test_the_shipped_rule_has_the_published_defaults() -> None:
    """A4: version 1, low, 21, ten days, a hundred alerts in five minutes; T1: exactly sts.amazonaws.com AssumeRoot."""
    assert (RULE.id, RULE.name) == (
        "aws-sts-assume-root-rare-pair",
        "AWS STS AssumeRoot by Rare User and Member Account",
    )
    assert (RULE.version, RULE.severity, RULE.risk_score) == (1, "low", 21)
    assert (RULE.window, RULE.max_alerts, RULE.cap_period) == (10 * DAY, 100, 5 * MINUTE)
    assert (RULE.event_source, RULE.event_name) == ("sts.amazonaws.com", "AssumeRoot")


def test_the_shipped_rule_maps_to_mitre() -> None:
    """A4: T1548.005 and T1078.004 under TA0004, T1098.003 under TA0003."""
    assert [(threat.tactic_id, threat.subtechnique_id) for threat in RULE.threat] == [
        ("TA0004", "T1548.005"),
        ("TA0004", "T1078.004"),
        ("TA0003", "T1098.003"),
    ]


def test_a_rule_needs_only_what_decides_and_names() -> None:
    """A4: a rule file without texts works; the cap is then that of the rule's first version (A3)."""
    rule = parse(SMALLEST, "my.toml")
    assert (rule.event_name, rule.window, rule.max_alerts, rule.cap_period) == (
        "AssumeSomething",
        7 * DAY,
        100,
        5 * MINUTE,
    )
    assert (rule.tags, rule.threat, rule.task_policies, rule.description) == ((), (), {}, None)


def test_the_shipped_rule_with_another_event_name_is_another_rule() -> None:
    """A4: a rule of the same kind is the file with another event name, and nothing else."""
    rule = parse(SHIPPED.replace('event_name = "AssumeRoot"', 'event_name = "AssumeLeaf"'), "leaf.toml")
    assert rule == replace(
        RULE,
        event_name="AssumeLeaf",
        query=RULE.query.replace('event.action: "AssumeRoot"', 'event.action: "AssumeLeaf"'),
    )


def test_the_short_form_stands_for_a_query_and_terms() -> None:
    """U3: the shipped rule takes successful calls of AssumeRoot; its terms are principal and member account."""
    assert RULE.query == (
        'event.provider: "sts.amazonaws.com" and event.action: "AssumeRoot" and event.outcome: success'
    )
    assert RULE.terms == ("rootwatch.principal", "rootwatch.member_account")
    assert (RULE.incomplete, RULE.refresh, RULE.learn, RULE.forget_after) == ("dead-letter", 0, None, None)
    assert RULE.max_entries == 1_000_000


@pytest.mark.parametrize(
    ("changed", "to", "complaint"),
    [
        ('id = "my-rule"', "", "id: is missing"),
        ('name = "My rule"', 'name = " "', "name: ' ': must not be empty"),
        ("version = 3", "version = 0", "version: 0: Input should be greater than or equal to 1"),
        ("version = 3", "version = true", "version: True: Input should be a valid integer"),
        ('"high"', '"High"', "severity: 'High': Input should be 'low', 'medium', 'high' or 'critical'"),
        ("73", "101", "risk_score: 101: Input should be less than or equal to 100"),
        ("73", "-1", "risk_score: -1: Input should be greater than or equal to 0"),
        ("73", '"73"', "risk_score: '73': Input should be a valid integer"),
        ('"AssumeSomething"', '""', "event_name: '': must be letters, digits"),
        ('"AssumeSomething"', '"Assume\\"x"', "event_name: 'Assume\"x': must be letters, digits"),
        ('"sts.amazonaws.com"', "7", "event_source: 7: Input should be a valid string"),
        ('"7d"', '"7"', "window: '7': must be a duration in quotes"),
        ('"7d"', "7", "window: 7: must be a duration in quotes"),
        ('"7d"', '"0d"', "window: '0d': must be longer than 0"),
        ('"7d"', '"7d"\ncap_period = "2d"', "cap_period: '2d': must be at most 1d"),
        ('"7d"', '"7d"\nmax_alerts = 10001', "max_alerts: 10001: Input should be less than or equal to 10000"),
        ('"7d"', '"7d"\nmax_alerts = -1', "max_alerts: -1: Input should be greater than or equal to 0"),
        ('"7d"', '"7d"\ntags = "aws"', "tags: 'aws': Input should be a valid tuple"),
        ('"7d"', '"7d"\ntags = ["aws", 1]', "tags.1: 1: Input should be a valid string"),
        ('"7d"', '"7d"\nwindows = "7d"', "windows: '7d': is not a field of a rule; did you mean window?"),
        (
            '"7d"',
            '"7d"\n[[threat]]\ntactic = 1',
            "threat.0.tactic: 1: is not a field of a rule; did you mean tactic_id?",
        ),
        ('"7d"', '"7d"\n[task_policies]\nx = 1', "task_policies.x: 1: Input should be a valid string"),
        ('"7d"', '"7d', "not TOML"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_field_and_value(changed: str, to: str, complaint: str) -> None:
    """A4: an error in a rule file names the file, the field, its value and what is allowed."""
    with pytest.raises(RuleErrors) as refusal:
        parse(SMALLEST.replace(changed, to), "my.toml")
    assert f"my.toml: {complaint}" in str(refusal.value)


def test_every_wrong_field_is_named_at_once() -> None:
    """A4: a rule with two errors is refused with two lines, so that both can be fixed at once."""
    with pytest.raises(RuleErrors) as refusal:
        parse(SMALLEST.replace("73", "173").replace('"high"', '"worst"'), "my.toml")
    assert [line.split(": ")[1] for line in str(refusal.value).splitlines()] == ["severity", "risk_score"]


def test_an_override_is_checked_like_the_file() -> None:
    """A4: an operator's severity replaces the rule's, and a wrong one is refused."""
    assert replace(RULE, severity="critical").severity == "critical"
    with pytest.raises(ValueError, match="severity"):
        replace(RULE, severity="worst")  # type: ignore[arg-type]  # what an operator may write
