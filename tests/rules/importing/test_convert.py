"""U12: rules of Elastic become rule files, or are refused at the place that would change what fires."""

from __future__ import annotations

import json
from typing import Any

import pytest
from elastic_rules import RULE, THREAT, TOML, line, only

IAM = "event.provider: iam.amazonaws.com and event.action: CreateUser"


def test_a_rule_of_an_export_is_ready() -> None:
    """Id, query and terms stay; the start of the history is the window."""
    conversion = only(line())
    assert (conversion.verdict, conversion.rule_id, conversion.source) == ("ready", "own-key", "rules.ndjson:1")
    assert dict(conversion.values) == {
        "id": "own-key",
        "name": RULE["name"],
        "version": 3,
        "severity": "medium",
        "risk_score": 47,
        "query": RULE["query"],
        "terms": ["cloud.account.id", "user.name"],
        "window": "10d",
    }


def test_a_rule_in_toml_is_ready() -> None:
    """The other form says the same; a query over several lines keeps them."""
    conversion = only(TOML, "own.toml")
    assert (conversion.verdict, conversion.values["window"]) == ("ready", "7d")
    assert str(conversion.values["query"]).splitlines()[1] == r"  and not user_agent.original: *a\:b*"
    assert conversion.has_no_version


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({"new_terms_fields": ["user.name", "source.as.number"]}, "needs an ASN database", "geoip_database"),
        ({"query": f"{IAM} and source.as.organization.name: AMAZON*"}, "needs an ASN database", "MaxMind"),
        ({"query": "event.action: GetObject"}, "needs data events", "GetObject is in CloudTrail only if"),
        ({"query": "event.provider: lambda.amazonaws.com and event.action: Inv*"}, "needs data events", "Invoke is"),
        ({"query": "aws.cloudtrail.event_category: Data and event.provider: s3*"}, "needs data events", "more"),
        ({"query": "event.outcome: success"}, "takes a lot", "every message"),
        ({"query": "aws.cloudtrail.user_identity.access_key_id: AKIA*"}, "takes a lot", "no event.action"),
        ({"query": "event.action: (AssumeRole or TagRole)"}, "takes a lot", "AssumeRole happens all the time"),
        ({"query": IAM}, "ready", ""),
        ({"query": f"{IAM} and not aws.cloudtrail.event_category: Insight"}, "ready", ""),
        ({"query": "event.provider: s3.amazonaws.com and user.name: a"}, "ready", ""),
        ({"query": "event.action: (GetObject or Tag*) and not event.action: GetObject"}, "ready", ""),
    ],
)
def test_the_verdict_says_what_a_rule_needs(changed: dict[str, Any], verdict: str, said: str) -> None:
    """A rule has the first verdict that holds, with a sentence that says why."""
    conversion = only(line(**changed))
    assert conversion.verdict == verdict
    assert any(said in reason.text for reason in conversion.reasons if reason.verdict == verdict) == bool(said)
    assert conversion.values


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"type": "query"}, "type", "new_terms"),
        ({"type": None}, "type", "None"),
        ({"language": "lucene"}, "language", "'lucene': write the query in KQL"),
        ({"query": None}, "query", "is missing"),
        ({"query": 5}, "query", "must be text"),
        ({"query": ""}, "query:1:1", "the query is empty"),
        ({"query": f"{IAM}\nand event.id > 5"}, "query:2:14", "a comparison"),
        ({"query": f"{IAM} and a: {{ b: c }}"}, "query:1:68", "no field is named `a`"),
        ({"query": f"{IAM} and related.entity: {{ b: c }}"}, "query:1:84", "nested"),
        ({"query": f"{IAM} and user.*: x"}, "query:1:68", "a star"),
        ({"query": "aws.cloudtrail.event_category: Insight"}, "query", "never takes them"),
        ({"query": "aws.cloudtrail.event_type: AwsVpceEvent and user.name: *"}, "query", "never takes them"),
        ({"query": "free text"}, "query:1:1", "a text without a field"),
        ({"query": f"{IAM} and source.ip: 10.0.0.0/8"}, "query:1:79", "network"),
        ({"query": f"{IAM} and user_agent.original.text: x"}, "query:1:68", "no field is named"),
        ({"new_terms_fields": None}, "new_terms_fields", "1 to 3"),
        ({"new_terms_fields": []}, "new_terms_fields", "1 to 3"),
        ({"new_terms_fields": "user.name"}, "new_terms_fields", "1 to 3"),
        ({"new_terms_fields": ["user.name", "user.id", "event.id", "cloud.region"]}, "new_terms_fields", "1 to 3"),
        ({"new_terms_fields": ["user.name", "user.nam"]}, "new_terms_fields[1]", "did you mean user.name"),
        ({"new_terms_fields": ["user.name", "host.id"]}, "new_terms_fields[1]", "no field is named host.id"),
        ({"new_terms_fields": ["event.action", "eventName"]}, "new_terms_fields[1]", "twice"),
        ({"new_terms_fields": [["user.name"]]}, "new_terms_fields[0]", "must be a field's name"),
        ({"history_window_start": None}, "history_window_start", "is missing"),
        ({"history_window_start": 10}, "history_window_start", "not understood"),
        ({"history_window_start": "now-10d/d"}, "history_window_start", "rounded"),
        ({"history_window_start": "now-1M"}, "history_window_start", "no fixed length"),
        ({"history_window_start": "2026-01-01T00:00:00Z"}, "history_window_start", "a date does not move on"),
        ({"history_window_start": "now"}, "history_window_start", "not understood"),
        ({"history_window_start": "now+10d"}, "history_window_start", "not understood"),
        ({"history_window_start": "now-0d"}, "history_window_start", "the window is empty"),
        ({"filters": [{"meta": {"key": "user.name"}}]}, "filters[0]", "'user.name': a filter changes what fires"),
        ({"filters": ["x"]}, "filters[0]", "a filter changes what fires"),
        ({"filters": {"x": 1}}, "filters", "must be a list"),
        ({"exceptions_list": [{"list_id": "mine"}]}, "exceptions_list[0]", "'mine': exceptions change what fires"),
        ({"exceptions_list": ["x"]}, "exceptions_list[0]", "exceptions change what fires"),
        ({"exceptions_list": "x"}, "exceptions_list", "must be a list"),
        ({"data_view_id": "view"}, "data_view_id", "'view'"),
        ({"index": ["winlogbeat-*", "logs-azure*"]}, "index", "rootwatch reads CloudTrail only"),
        ({"index": "logs-*"}, "index", "must be a list"),
        ({"index": ["logs-*", "-logs-aws.cloudtrail-old"]}, "index[1]", "leaves out records"),
        ({"name": None}, "name", "must be text"),
        ({"severity": "huge"}, "severity", "one of low, medium, high, critical"),
        ({"risk_score": 101}, "risk_score", "0 to 100"),
        ({"risk_score": True}, "risk_score", "0 to 100"),
        ({"risk_score": 2.5}, "risk_score", "0 to 100"),
        ({"version": 0}, "version", "from 1"),
        ({"rule_id": "x" * 129}, "rule_id", "1 to 128"),
        ({"rule_id": "…", "name": "…"}, "rule_id", "1 to 128"),
    ],
)
def test_what_would_change_what_fires_is_refused_at_its_place(changed: dict[str, Any], place: str, said: str) -> None:
    """A refused rule has no values; the reason names the place and what is allowed."""
    conversion = only(line(**changed))
    assert conversion.verdict == "refused"
    assert conversion.values == {}
    (reason,) = [reason for reason in conversion.reasons if reason.place == place]
    assert said in reason.text


def test_all_refusals_are_named_at_once() -> None:
    """Nobody has to import again to learn of the second fault."""
    conversion = only(line(query="a", filters=[{}], history_window_start="now-1y", data_view_id="v"))
    places = [reason.place for reason in conversion.reasons]
    assert places == ["query:1:1", "history_window_start", "filters[0]", "data_view_id"]


def test_places_in_toml_are_those_of_the_file() -> None:
    """The table ``new_terms`` is another one in TOML, and so are the places."""
    text = TOML.replace('"user.name"]', '"user.nam"]').replace("now-1w", "now-1y").replace("kuery", "lucene")
    assert [reason.place for reason in only(text, "own.toml").reasons] == [
        "rule.language",
        "rule.new_terms.value[1]",
        "rule.new_terms.history_window_start[0].value",
    ]


@pytest.mark.parametrize(
    ("start", "window"), [("now-36h", "36h"), ("now-2w", "14d"), ("now-1d-12h", "36h"), ("now-90m", "90m")]
)
def test_the_start_of_the_history_is_the_window(start: str, window: str) -> None:
    """Every distance of a fixed length is a window."""
    assert only(line(history_window_start=start)).values["window"] == window


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"rule_id": "my key/1"}, "rule_id", "'my key/1' is the id my-key-1"),
        ({"rule_id": None}, "rule_id", "is the id Access-key-by-a-new-pair"),
        ({"filters": [{"meta": {"disabled": True}}]}, "filters[0]", "it is disabled"),
        ({"max_signals": 20}, "max_signals", "20 is max_alerts = 20"),
        ({"max_signals": 20_000}, "max_signals", "max_alerts = 10000"),
        ({"max_signals": "many"}, "max_signals", "is left out"),
        ({"note": "Look."}, "note", "triage"),
        ({"tags": "x"}, "tags", "no list of texts"),
        ({"threat": "x"}, "threat", "no list"),
        ({"threat": [{**THREAT, "framework": "Own"}]}, "threat[0]", "only MITRE ATT&CK"),
        ({"threat": ["x"]}, "threat[0]", "only MITRE ATT&CK"),
        ({"threat": [{**THREAT, "tactic": None}]}, "threat[0]", "tactic is missing"),
        ({"threat": [{**THREAT, "technique": []}]}, "threat[0]", "without a technique"),
        ({"threat": [{**THREAT, "technique": [{"id": "T1"}]}]}, "threat[0].technique[0]", "name or reference"),
    ],
)
def test_what_is_not_carried_over_as_it_was_is_said(changed: dict[str, Any], place: str, said: str) -> None:
    """The rule is imported all the same, because this does not change what fires."""
    conversion = only(line(**changed))
    assert conversion.verdict == "ready"
    assert [said in change.text for change in conversion.changes if change.place == place] == [True]


@pytest.mark.parametrize(
    ("changed", "topic"),
    [
        ({}, "cap"),
        ({"timestamp_override": "event.ingested"}, "clock"),
        ({"new_terms_fields": ["aws.cloudtrail.flattened.request_parameters.userName"]}, "length"),
        ({"query": f"{IAM} and aws.cloudtrail.request_parameters: *a*"}, "length"),
        ({"new_terms_fields": ["user_agent.original"]}, "length"),
        ({"new_terms_fields": ["entity.target.id"]}, "entities"),
        ({"query": f"{IAM} and source.as.organization.name: A*"}, "ASN names"),
        ({"new_terms_fields": ["aws.cloudtrail.resources.arn"]}, "lists"),
        ({"new_terms_fields": ["source.ip"]}, "loud"),
        ({"query": f"data_stream.dataset: aws.cloudtrail and {IAM}", "index": ["filebeat-*"]}, "data_stream"),
        ({"index": None}, "index"),
        ({"index": ["logs-aws*", "winlogbeat-*"]}, "index"),
        ({"alert_suppression": {"group_by": ["user.name"]}}, "suppression"),
        ({"building_block_type": "default"}, "building block"),
        ({"enabled": False}, "disabled"),
        ({"rule_name_override": "user.name"}, "overrides"),
        ({"newest_key": {"a": 1}}, "unknown"),
    ],
)
def test_a_difference_is_said_of_a_rule_that_it_applies_to(changed: dict[str, Any], topic: str) -> None:
    """Every rule differs by the cap; each other difference has its cause in the rule."""
    topics = [difference.topic for difference in only(line(**changed)).differences]
    assert topic in topics
    assert set(topics) <= {"cap", topic, "loud", "length"}
    assert [difference.topic for difference in only(line()).differences] == ["cap"]


def test_texts_are_carried_over() -> None:
    """Description, tags, references, false positives, the guide and ATT&CK are in the rule file."""
    texts = {"description": " D\n", "tags": ["a", " "], "references": ["r"], "false_positives": ["f"], "note": "n"}
    conversion = only(line(threat=[THREAT], license="L", actions=[{}], setup="s", **texts))
    values = conversion.values
    assert values["description"] == "D"
    assert (values["tags"], values["references"], values["false_positives"]) == (["a"], ["r"], ["f"])
    assert values["triage"] == ["n"]
    (threat,) = values["threat"]  # type: ignore[misc]  # a list
    assert (threat["tactic_id"], threat["technique_id"], threat["subtechnique_id"]) == ("TA0003", "T1098", "T1098.001")
    assert (conversion.left_out, conversion.license) == (("actions", "setup"), "L")


def test_a_list_of_exceptions_without_any_is_no_reason() -> None:
    """Kibana gives nearly every rule a list; the export shows whether something is in it."""
    rule = line(exceptions_list=[{"list_id": "mine"}])
    container = json.dumps({"list_id": "mine", "type": "detection"})
    item = json.dumps({"list_id": "mine", "item_id": "1", "entries": []})
    assert only(f"{rule}\n{container}").verdict == "ready"
    assert only(f"{rule}\n{container}\n{item}").verdict == "refused"
