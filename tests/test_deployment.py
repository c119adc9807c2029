"""Deployment files match their schemas, the settings, and the metrics that a worker exposes."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import promql_parser
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from metric_catalogue import catalogue, rows

from streams.detection.exception import parse_exceptions
from streams.settings import Settings
from streams.topics.rights import worker_rights
from streams.wire.schemas import newest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "rootwatch.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
# The labels that Prometheus adds to every series of a target, and its own series `up`.
TARGET_LABELS = {"job", "instance"}
SERIES = {name: set(metric.labels) for metric in catalogue() for name in metric.series} | {"up": set()}
CHOSEN_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUCKETS = {name for name in SERIES if name.endswith("_bucket")}


def anchors(markdown: str) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The series that a PromQL expression reads, each with the labels of its selector."""
    visited: list[Any] = []
    promql_parser.walk(promql_parser.parse(expression), visited.append)
    for node in visited:
        if isinstance(node, promql_parser.MatrixSelector):
            node = node.vector_selector  # noqa: PLW2901  the same, over a time
        if isinstance(node, promql_parser.VectorSelector):
            yield node.name, {matcher.name for matcher in node.matchers.matchers}


def check_series(expression: str) -> None:
    """Fail if the expression is not PromQL, or reads a series or a label that no worker exposes."""
    found = list(selectors(expression))
    assert found, expression
    for name, labels in found:
        assert name in SERIES, f"{name} in {expression}"
        known = SERIES[name] | TARGET_LABELS | ({"le"} if name in BUCKETS else set())
        assert labels <= known, f"{labels - known} of {name} in {expression}"


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels, without the rows' headings."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def test_compose_holds_to_the_compose_specification() -> None:
    """docker-compose.yml is valid by the JSON schema of the Compose Specification."""
    validator = jsonschema.Draft7Validator(get_builtin_schema("vendor.compose-spec"))
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_pinned_bounded_and_watched(name: str) -> None:
    """Each service has an image version, a memory limit and a restart policy; long-running ones have a health check."""
    service = COMPOSE["services"][name]
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert "mem_limit" in service
    if service["restart"] == "unless-stopped":
        own_image = service["image"].startswith("rootwatch:")  # its Dockerfile has the check
        assert own_image or "test" in service["healthcheck"]
    else:
        assert service["restart"].startswith("on-failure:")
    for other in service.get("depends_on", {}):
        assert other in COMPOSE["services"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_compose_mounts_what_is_there() -> None:
    """Every file or folder that a container mounts exists, and every named volume is declared and used."""
    used = set()
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


def test_two_workers_with_settings_that_are_settings() -> None:
    """There are two workers, each with its own state volume; their variables are valid settings."""
    workers = [service for name, service in COMPOSE["services"].items() if name.startswith("worker-")]
    assert len({worker["volumes"][0] for worker in workers}) == len(workers) == 2
    given = {name.removeprefix("ROOTWATCH_").lower(): value for name, value in workers[0]["environment"].items()}
    assert Settings(**given).http_host == "0.0.0.0"  # noqa: S104  inside the compose network
    assert all("/var/lib/rootwatch" in worker["volumes"][0] for worker in workers)


def test_the_image_runs_as_nobody_special_and_gets_signals() -> None:
    """The image has a pinned base, two stages, locked dependencies, its own user, a state volume, exec form."""
    text = (ROOT / "Dockerfile").read_text()
    instructions = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    assert [line for line in instructions if line.startswith("FROM")] == ["FROM ${PYTHON} AS build", "FROM ${PYTHON}"]
    assert re.search(r"^ARG PYTHON=python:3\.11\.\d+-slim-\w+$", text, re.MULTILINE)
    (install,) = [line for line in instructions if "pip install" in line]
    assert '".[${EXTRAS}]"' in install
    extras = set(re.findall(r"^ARG EXTRAS=(.*)$", text, re.MULTILINE)[0].split(","))
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert "--constraint requirements.lock" in install
    assert extras == declared - {"dev", "parquet"}  # pyarrow doubles the size, and a worker never needs it
    assert "USER 10001:10001" in instructions
    assert "VOLUME /var/lib/rootwatch" in instructions
    assert 'ENTRYPOINT ["rootwatch"]' in instructions
    (check,) = [line for line in instructions if line.startswith("HEALTHCHECK")]
    assert check.endswith('CMD ["rootwatch", "health"]')


def test_what_the_image_copies_is_let_through() -> None:
    """.dockerignore excludes everything except what the Dockerfile copies, and that exists."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY ([^-].*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert "*" in ignore
    assert names == {line.removeprefix("!") for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in names)


def test_prometheus_asks_the_workers() -> None:
    """Prometheus scrapes each worker of the compose file on the worker's port, and reads the rules."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert (job["job_name"], config["rule_files"]) == ("rootwatch", ["rules.yml"])
    workers = {name for name in COMPOSE["services"] if name.startswith("worker-")}
    assert set(job["static_configs"][0]["targets"]) == {f"{name}:{Settings().http_port}" for name in workers}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_reads_what_workers_expose_and_has_a_runbook(rule: dict[str, Any]) -> None:
    """A rule's expression is PromQL over real series and labels; its runbook is a section of the operations guide."""
    check_series(rule["expr"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description"} <= set(rule["annotations"])
    document, anchor = rule["annotations"]["runbook_url"].split("#")
    assert document == "docs/operations.md"
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(OPERATIONS)


def test_no_runbook_is_left_over() -> None:
    """The guide's runbooks are those of the rules, in their order."""
    assert re.findall(r"^### (Rootwatch\w+)$", OPERATIONS, re.MULTILINE) == [rule["alert"] for rule in rules()]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_shows_what_workers_expose(panel: dict[str, Any]) -> None:
    """A panel's queries are PromQL over real series, from the selected data source."""
    assert panel["targets"]
    for target in panel["targets"]:
        check_series(target["expr"].replace("$instance", ".*"))
        assert target["datasource"] == CHOSEN_SOURCE


def data_sources(part: Any) -> Iterator[Any]:
    """Every data source that a part of the dashboard uses."""
    if isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]
        part = list(part.values())
    for inner in part if isinstance(part, list) else []:
        yield from data_sources(inner)


def test_the_dashboard_fits_any_grafana() -> None:
    """No data source is fixed: a variable offers those of Prometheus, with the default first, and everything uses it.

    The Grafana of the compose file has one default data source, so there is nothing to choose.
    """
    first, *others = DASHBOARD["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert first["current"] == {}
    assert {other["name"] for other in others} == {"instance"}
    named = list(data_sources(DASHBOARD))
    assert len(named) > len(panels())
    assert all(source == CHOSEN_SOURCE for source in named)
    provisioned = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text())
    assert [(one["type"], one["isDefault"]) for one in provisioned["datasources"]] == [("prometheus", True)]


def test_the_dashboard_is_provisioned() -> None:
    """Grafana finds the dashboard in the folder where the compose file mounts it."""
    provider = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "dashboards" / "rootwatch.yml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in COMPOSE["services"]["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["providers"][0]["options"]["path"]
    home = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{mounts['./deploy/grafana/dashboards']}/rootwatch.json"


def test_the_guide_lists_every_metric() -> None:
    """docs/operations.md has exactly the catalogue's row per metric, in the catalogue's order.

    ``python tests/metric_catalogue.py`` prints the rows.
    """
    assert re.findall(r"^\| `rootwatch_.*$", OPERATIONS, re.MULTILINE) == rows()


def test_the_guide_lists_every_right() -> None:
    """docs/operations.md has exactly the rights of a worker, with the default names."""
    listed = re.findall(r"^\| (topic|group) \| `(.+?)` \| (.+?) \|", OPERATIONS, re.MULTILINE)
    assert listed == [(right.kind, right.name, ", ".join(right.operations)) for right in worker_rights(Settings())]
    (more,) = set(worker_rights(Settings(json_alerts="ecs"))) - set(worker_rights(Settings()))
    assert f"also {', '.join(more.operations)} on the {more.kind} `{more.name}`" in OPERATIONS


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_documents_lead_somewhere(path: Path) -> None:
    """The file and the heading of every relative link in a document exist."""
    text = path.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        linked = (path.parent / file) if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


def test_settings_in_the_guide_are_settings() -> None:
    """Every ROOTWATCH_ variable (except Kubernetes' own) and every setting of a TOML example in the guides exists.

    An example that begins with an id is a rule file, which the test of ``docs/rules.md`` loads.
    """
    for path in (ROOT / "docs").glob("*.md"):
        text = path.read_text()
        for name in re.findall(r"\bROOTWATCH_([A-Z_]+)\b", text.replace("ROOTWATCH_PORT", "")):
            assert name.lower() in Settings.model_fields or name == "CONFIG", name
        for block in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if block.startswith("id ="):
                continue
            unknown = set(tomllib.loads(block)) - set(Settings.model_fields) - {"exception"}
            assert not unknown, unknown


def test_the_migration_guide_names_fields_and_exceptions_that_exist() -> None:
    """Alert fields in the table of names are fields of the alert's schema, and the exceptions shown are valid."""
    text = (ROOT / "docs" / "migrating-from-elastic.md").read_text()
    names = text.split("## Names")[1].split("## Moving")[0]
    shown = {name for line in names.splitlines() if "|" in line for name in re.findall(r"`(.+?)`", line.split("|")[2])}
    known = set(alert_fields(newest("alert")))
    assert shown
    assert {name.replace("[]", "") for name in shown} <= known
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[[exception]]" in block]
    assert len(blocks) == 2
    for block in blocks:
        assert parse_exceptions(textwrap.dedent(block), "the guide")


def alert_fields(schema: Any, prefix: str = "") -> Iterator[str]:
    """The paths of a record's fields, through arrays and unions."""
    for field in schema["fields"]:
        path = prefix + field["name"]
        yield path
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for kind in kinds:
            inner = kind.get("items", kind) if isinstance(kind, dict) else {}
            if isinstance(inner, dict) and "fields" in inner:
                yield from alert_fields(inner, f"{path}.")


def test_the_guide_lists_every_event_of_the_log() -> None:
    """Each event that a worker logs is in the guide's table, with its level."""
    logged = set()
    for path in (ROOT / "streams" / "worker").rglob("*.py"):
        for level, event in re.findall(r"log\.(info|warning|error)\(\s*(?:#.*\s*)*\"([a-z_.]+)\"", path.read_text()):
            logged.add((event, level))
    section = OPERATIONS.split("## Logs")[1].split("\n## ")[0]
    listed = set()
    for events, levels in re.findall(r"^\| (`.+?`) \| ([a-z, ]+) \|", section, re.MULTILINE):
        names = re.findall(r"`(.+?)`", events)
        kinds = levels.split(", ")
        listed |= set(zip(names, kinds * len(names) if len(kinds) == 1 else kinds, strict=False))
    assert logged <= listed, logged - listed
