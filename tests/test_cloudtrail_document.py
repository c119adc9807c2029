"""``docs/cloudtrail-to-kafka.md``: its configurations are valid, and its commands give the output that it shows."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from cloudtrail_page import BLOCKS, PAGE, TEXT, of_language, shown
from cloudtrail_roads import CONVERTED, LOG_FILE, OBJECT_CREATED, ROADS
from forwarder_messages import vector_aws_s3
from sightings import RULES
from typer.testing import CliRunner

from streams import pipeline
from streams.commands.main import COMMANDS, app
from streams.pipeline import ExtractSettings
from streams.rules.importing.event_names import data_events
from streams.rules.query.parser import parse_query
from streams.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

ROOT = PAGE.parents[1]
OPERATIONS = [block for block in BLOCKS if block.operation]
SAMPLES = {road.sample: road.messages[0] for road in ROADS.values()}
SAMPLES["notification.json"] = json.dumps(OBJECT_CREATED).encode()
EXPLAINED = [(command, output) for command, output in shown() if command.startswith("rootwatch explain")]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.language}: {block.text[:30]!r}")
def test_every_block_is_of_its_language(block: Any) -> None:
    """TOML, YAML, JSON, Python and shell are free of syntax errors; there is no block of another language."""
    match block.language:
        case "toml":
            tomllib.loads(block.text)
        case "yaml":
            yaml.safe_load(block.text)
        case "json":
            json.loads(block.text)
        case "python":
            compile(block.text, str(PAGE), "exec")
        case "sh":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)  # noqa: S607  any bash
        case other:
            assert other == "console"


@pytest.mark.parametrize("block", OPERATIONS, ids=lambda block: block.operation)
def test_parameters_of_aws(block: Any) -> None:
    """Each request has the parameters, types and values that AWS's own model of the operation allows."""
    service, operation = block.operation.split()
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    given = json.loads(block.text)
    report = ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()
    assert list(unknown_values(given, shape)) == []


def unknown_values(value: Any, shape: Shape) -> Iterator[str]:
    """Texts that are not among the values of their enumeration, which botocore does not check."""
    match value:
        case dict():
            for name, member in value.items():
                yield from unknown_values(member, shape.members[name])
        case list():
            for member in value:
                yield from unknown_values(member, shape.member)
        case str() if shape.enum and value not in shape.enum and shape.name != "Event":  # events of S3 may have a star
            yield f"{shape.name}: {value}"


def test_wrong_values_are_found() -> None:
    """The check above finds a state of EventBridge that does not exist."""
    shape = botocore.session.get_session().get_service_model("events").operation_model("PutRule").input_shape
    assert list(unknown_values({"Name": "x", "State": "ENABLED_FOR_ALL"}, shape)) == ["RuleState: ENABLED_FOR_ALL"]


def test_the_states_of_a_rule() -> None:
    """The table of EventBridge's states has all of them, and the rule shown has the one that lets reads pass."""
    states = botocore.session.get_session().get_service_model("events").shape_for("RuleState").enum
    assert sorted(re.findall(r"^\| `([A-Z_]+)` \| ", TEXT, re.MULTILINE)) == sorted(states)
    (rule,) = [json.loads(block.text) for block in OPERATIONS if block.operation == "events PutRule"]
    assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_pipes_do_not_write_to_kafka() -> None:
    """AWS's model of EventBridge Pipes has Kafka as a source and not as a target, as the page says."""
    model = botocore.session.get_session().get_service_model("pipes")
    kafka = "ManagedStreamingKafkaParameters"
    assert kafka in model.shape_for("PipeSourceParameters").members
    assert [name for name in model.shape_for("PipeTargetParameters").members if "Kafka" in name] == []


def test_the_rule_takes_events_via_cloudtrail() -> None:
    """The pattern of the rule ends like the detail-type of each event that EventBridge's roads carry."""
    (rule,) = [json.loads(block.text) for block in OPERATIONS if block.operation == "events PutRule"]
    ((ending,),) = [kind.values() for kind in json.loads(rule["EventPattern"])["detail-type"]]
    for road in ("eventbridge", "fluent-bit-http"):
        assert all(json.loads(message)["detail-type"].endswith(ending) for message in ROADS[road].messages)


@pytest.mark.parametrize("name", ROADS)
def test_what_a_road_brings_is_read(name: str) -> None:
    """R1, R7, R8: each message of each road has the shape that the page names, and the AssumeRoot is found once."""
    road = ROADS[name]
    settings = ExtractSettings()
    results = [pipeline.sight(message, RULES, settings) for message in road.messages]
    assert {shape for result in results for shape in result.records} == {road.shape}
    assert [len(result.sightings) for result in results] == [1, *[0] * (len(results) - 1)]
    assert not any(result.rejected for result in results)
    assert pipeline.compile_matcher(RULES, settings)(road.messages[0])


def test_what_vector_passes_as_it_is() -> None:
    """R5, R8: in Vector's own envelope a whole file is read, and a digest is known to hold no record."""
    settings = ExtractSettings()
    digest = {"digestStartTime": "2026-01-01T11:00:00Z", "digestEndTime": "2026-01-01T12:00:00Z", "logFiles": []}
    whole, other = (
        pipeline.sight(json.dumps(vector_aws_s3(message)).encode(), RULES, settings)
        for message in (LOG_FILE.decode(), json.dumps(digest))
    )
    assert (dict(whole.records), len(whole.sightings)) == ({"vector": 2}, 1)
    assert (dict(other.records), list(other.rejected), len(other.passed_over)) == ({}, [], 1)


@pytest.mark.parametrize("name", CONVERTED)
def test_what_converters_write(name: str) -> None:
    """R8: what Kafka Connect's converters write is read, but for base64 that nothing marks, as the page says."""
    value, shape = CONVERTED[name]
    settings = ExtractSettings()
    result = pipeline.sight(value, RULES, settings)
    assert list(result.records) == ([shape] if shape else [])
    assert len(result.sightings) == (1 if shape else 0)
    assert pipeline.compile_matcher(RULES, settings)(value) == (shape is not None)


def test_every_road_is_explained() -> None:
    """The page shows what ``explain`` says of each road's message."""
    assert {command.split()[2] for command, _ in EXPLAINED} == set(SAMPLES)


@pytest.mark.parametrize(("command", "output"), EXPLAINED, ids=[command.split()[2] for command, _ in EXPLAINED])
def test_explain_says_what_is_shown(command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``explain`` of the message of each road gives the line that the page shows."""
    monkeypatch.chdir(tmp_path)
    parsed = re.fullmatch(r"rootwatch explain (\S+) \| jq -c '\{(.*)\}'", command)
    assert parsed is not None
    sample, wanted = parsed.groups()
    Path(sample).write_bytes(SAMPLES[sample])
    done = CliRunner().invoke(app, ["explain", sample])
    assert done.exit_code == 0
    explained = json.loads(done.stdout)
    explained["accounts"] = [sighting["member_account"] for sighting in explained["sightings"]]
    keys = [key.split(":")[0] for key in wanted.split(", ")]
    assert wanted == ", ".join("accounts: [.sightings[].member_account]" if key == "accounts" else key for key in keys)
    assert output == json.dumps({key: explained[key] for key in keys}, separators=(",", ":")) + "\n"


def test_commands_are_there() -> None:
    """Each command of rootwatch that the page names exists."""
    programs = "".join(of_language("sh"))
    lines = [command for command, _ in shown()] + programs.splitlines() + re.findall(r"`(rootwatch [^`]*)`", TEXT)
    named = {found[1] for line in lines if (found := re.match(r"rootwatch ([a-z-]+)", line))}
    assert named <= set(COMMANDS), named - set(COMMANDS)
    assert {"doctor", "explain"} <= named


def test_rules_are_there() -> None:
    """Each rule that the page names ships, and it says truly whether one of them needs data events."""
    rules = load(rules=["shipped"]).load_rules().by_id
    named = set(re.findall(r"`(aws-[a-z]+-[a-z-]+-(?:principal|account|pair))`", TEXT))
    assert len(named) >= 8
    assert named <= rules.keys()
    needing = [rule_id for rule_id, compiled in rules.items() if data_events(parse_query(compiled.rule.query))]
    assert ("None of the rules that ship needs data events." in TEXT) == (needing == []), needing


def test_data_events_are_known() -> None:
    """Rootwatch knows each event of the table of data events as one."""
    rows = re.findall(r"^\| `([a-z0-9]+\.amazonaws\.com)` \| `(\w+)` \| `AWS::", TEXT, re.MULTILINE)
    assert len(rows) >= 9
    for provider, action in rows:
        assert data_events(parse_query(f'event.provider: "{provider}" and event.action: {action}')), (provider, action)


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_links() -> None:
    """Links into the repository lead to a file and a heading that are there; others are https, without blanks."""
    text = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]*)\)", text.replace("\n", " ")):
        if target.startswith("https://"):
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]+/[\w./#%-]*", target), target
            continue
        name, _, anchor = target.partition("#")
        path = PAGE.parent / name if name else PAGE
        assert path.is_file(), target
        assert not anchor or anchor in headings(path), target


def test_it_is_linked() -> None:
    """The README and the guide of operations lead to the page."""
    for page in ("README.md", "docs/operations.md"):
        assert "cloudtrail-to-kafka.md" in (ROOT / page).read_text(encoding="utf-8"), page
