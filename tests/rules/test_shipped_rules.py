"""Walks all rules that ship (A4, U14); ``tests/commands/rules/test_run_cases.py`` runs their cases."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from streams.commands.rules.cases.case_file import Case, parse_cases
from streams.commands.rules.cases.case_run import run_case
from streams.content import json_text
from streams.demo.organisation import ACCOUNTS
from streams.demo.traffic import traffic
from streams.pipeline import ExtractSettings, sight
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet, needs_networks, reads_everything
from streams.settings import load

if TYPE_CHECKING:
    from streams.rules.rule import Rule

FOLDER = files("streams.rules").joinpath("shipped")
NAMES = sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml"))
RULES = {name: parse(FOLDER.joinpath(f"{name}.toml").read_text("utf-8"), name) for name in NAMES}

# Of MITRE ATT&CK for the enterprise; what a rule names must be here, with this name.
TACTICS = {
    "TA0001": "Initial Access",
    "TA0002": "Execution",
    "TA0003": "Persistence",
    "TA0004": "Privilege Escalation",
    "TA0005": "Defense Evasion",
    "TA0008": "Lateral Movement",
    "TA0010": "Exfiltration",
    "TA0040": "Impact",
}
TECHNIQUES = {
    "T1021": "Remote Services",
    "T1021.007": "Cloud Services",
    "T1078": "Valid Accounts",
    "T1078.004": "Cloud Accounts",
    "T1098": "Account Manipulation",
    "T1098.001": "Additional Cloud Credentials",
    "T1098.003": "Additional Cloud Roles",
    "T1136": "Create Account",
    "T1136.003": "Cloud Account",
    "T1199": "Trusted Relationship",
    "T1484": "Domain or Tenant Policy Modification",
    "T1484.002": "Trust Modification",
    "T1485": "Data Destruction",
    "T1490": "Inhibit System Recovery",
    "T1537": "Transfer Data to Cloud Account",
    "T1548": "Abuse Elevation Control Mechanism",
    "T1548.005": "Temporary Elevated Cloud Access",
    "T1550": "Use Alternate Authentication Material",
    "T1550.001": "Application Access Token",
    "T1562": "Impair Defenses",
    "T1562.001": "Disable or Modify Tools",
    "T1562.008": "Disable or Modify Cloud Logs",
    "T1651": "Cloud Administration Command",
    "T1666": "Modify Cloud Resource Hierarchy",
}


def cases(name: str) -> list[Case]:
    text = FOLDER.joinpath(f"{name}.cases.jsonl").read_text("utf-8")
    return parse_cases(text, name, len(RULES[name].terms))


def test_nine_rules_ship_at_least_and_one_is_on() -> None:
    """U14: at least eight rules ship beside the AssumeRoot rule, with ids of their own; they are off by default."""
    ids = [rule.id for rule in RULES.values()]
    assert len(ids) >= 9
    assert len(set(ids)) == len(ids)
    assert sorted(load(rules=["shipped"]).load_rules().by_id) == sorted(ids)
    assert list(load().load_rules().by_id) == ["aws-sts-assume-root-rare-pair"]


@pytest.mark.parametrize("rule", RULES.values(), ids=NAMES)
def test_it_tells_an_analyst_what_to_do(rule: Rule) -> None:
    """A4, U14: it says what it looks for, what looks alike and what to do, and names pages of AWS."""
    assert rule.description
    assert len(rule.description) > 200
    assert len(rule.triage) >= 3
    assert rule.false_positives
    assert {"aws", "cloudtrail", "new-terms"} <= set(rule.tags)
    assert len(rule.references) >= 2
    for link in rule.references:
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/[A-Za-z0-9/_-]+\.html(#[a-z0-9_-]+)?", link)


@pytest.mark.parametrize("rule", RULES.values(), ids=NAMES)
def test_its_behaviour_is_in_attack(rule: Rule) -> None:
    """A4, U14: tactics and techniques exist under these names, and the link is the technique's."""
    assert rule.threat
    for threat in rule.threat:
        assert TACTICS[threat.tactic_id] == threat.tactic_name
        assert TECHNIQUES[threat.technique_id] == threat.technique_name
        technique, _, part = (threat.subtechnique_id or threat.technique_id).partition(".")
        assert technique == threat.technique_id
        assert threat.reference == f"https://attack.mitre.org/techniques/{technique}/" + (f"{part}/" if part else "")
        assert (threat.subtechnique_id is None) == (threat.subtechnique_name is None)
        if threat.subtechnique_id is not None:
            assert TECHNIQUES[threat.subtechnique_id] == threat.subtechnique_name


@pytest.mark.parametrize("name", NAMES)
def test_it_has_cases_of_every_kind(name: str) -> None:
    """U14: some cases fire and some are silent, one is a refused call, and one has a tuple again that is known."""
    found = cases(name)
    assert any(case.alerts for case in found)
    assert any(not case.alerts for case in found)
    refused = [case for case in found if len(case.records) == 1 and _is_refused(case.records[0])]
    assert refused
    assert all(not case.alerts for case in refused)
    assert any(len(case.alerts) < len(case.records) and case.alerts for case in found)


def _is_refused(record: dict[str, object]) -> bool:
    return "errorCode" in record or "errorMessage" in record


@pytest.mark.parametrize("name", NAMES)
def test_every_event_that_its_query_names_fires(name: str) -> None:
    """U14: the first firing case fires under the name of each event that the query names, so none is left out."""
    rule = RULES[name]
    (needs,) = (compiled.requirements for compiled in RuleSet([rule]).rules)
    first = next(case for case in cases(name) if case.alerts)
    assert needs.actions
    assert needs.providers
    for action in needs.actions:
        records = [{**first.records[0], "eventName": action, "eventSource": provider} for provider in needs.providers]
        gave = [run_case(rule, Case(name=action, records=(record,), alerts=())).alerts for record in records]
        assert sum(map(bool, gave)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_nothing_of_ordinary_traffic_but_roles(name: str) -> None:
    """U10, U14: no rule reads everything or needs a database; ordinary calls make no sighting, but for AssumeRole."""
    rules = RuleSet([RULES[name]])
    assert not reads_everything(rules.rules[0])
    assert not needs_networks(rules.rules[0])
    start = datetime(2026, 3, 2, tzinfo=UTC)
    records = [record for account in ACCOUNTS for record in traffic(account, start, timedelta(hours=8), 100)]
    taken = [record for record in records if sight(json_text.to_bytes(record), rules, ExtractSettings()).sightings]
    assert len(records) > 500
    assert {record["eventName"] for record in taken} <= {"AssumeRole"}
    assert len(taken) < len(records) / 3


def test_severity_and_score_go_together() -> None:
    """U14: a higher severity has a higher risk score, so that a queue may be sorted by either."""
    scores = {
        severity: {rule.risk_score for rule in RULES.values() if rule.severity == severity}
        for severity in ("low", "medium", "high", "critical")
    }
    for lower, higher in pairwise(list(filter(None, scores.values()))):
        assert max(lower) < min(higher)
