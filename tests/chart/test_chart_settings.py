"""What the Helm chart's pods find is what its values say: settings, secrets, rules, exceptions, options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from helm_chart import DEFAULTS, OWN, VALUES, WORKLOADS, mounted_files, pod, render, with_minimal

from streams import settings
from streams.commands.main import load
from streams.settings import Settings
from streams.settings.rule_entries import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path


def placed(folder: Path, name: str, kind: str) -> Path:
    """Lay out a pod's files as its volumes would, with a file per secret; return rootwatch.toml."""
    for path, text in mounted_files(render(VALUES[name]), kind).items():
        placed_file = folder / path.removeprefix("/")
        placed_file.parent.mkdir(parents=True, exist_ok=True)
        placed_file.write_text(text)
    file = folder / "etc/rootwatch/rootwatch.toml"
    for outside in re.findall(r'"(/vault/.+?)"', file.read_text()):
        (folder / outside.removeprefix("/")).parent.mkdir(parents=True)
        (folder / outside.removeprefix("/")).write_text("from the vault")
    file.write_text(re.sub(r'"/(etc|run|vault)/', rf'"{folder}/\1/', file.read_text()))
    return file


@pytest.mark.parametrize(("name", "kind"), WORKLOADS)
def test_a_worker_starts_with_the_settings_meant(name: str, kind: str, tmp_path: Path) -> None:
    """What a pod finds in its files is what the values say: no setting is lost, changed or added."""
    loaded = settings.load(placed(tmp_path, name, kind))
    values = VALUES[name]
    given = {**DEFAULTS["settings"], **values["settings"], **values.get(OWN[kind], {}).get("settings", {})}
    files = {*values.get("files", {}), *({"exceptions"} if values.get("exceptions") else ())}
    if "sasl_password_file" in given:
        files.add("sasl_password_file")
    given |= {setting: getattr(loaded, setting) for setting in files}
    assert all(getattr(loaded, setting) is not None for setting in files)
    if values.get("rules"):
        named = given.get("rules", DEFAULT)
        given["rules"] = [*(named.split(",") if isinstance(named, str) else named), f"{tmp_path}/etc/rootwatch/rules"]
    assert loaded == Settings(**given)


def test_a_secret_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Each file of a Secret is the key that the values name; Job and Deployment have their own if the values say so."""
    worker = settings.load(placed(tmp_path / "worker", "full", "StatefulSet"))
    job = settings.load(placed(tmp_path / "job", "full", "Job"))
    assert (worker.sasl_username, worker.sasl_password()) == ("rootwatch", "secret of rootwatch-kafka/password")
    assert (job.sasl_username, job.sasl_password()) == ("rootwatch-admin", "secret of rootwatch-admin/password")
    notify = settings.load(placed(tmp_path / "notify", "full", "Deployment"))
    assert (notify.sasl_username, notify.sasl_password()) == ("rootwatch-notify", "secret of rootwatch-notify/password")
    assert worker.schema_registry_auth_file is not None
    assert worker.schema_registry_auth_file.read_text() == "secret of rootwatch-registry/auth"


def test_rules_and_exceptions_of_the_values_run(tmp_path: Path) -> None:
    """Rule files and exceptions given as values are loaded, beside the rules that the settings name."""
    loaded = settings.load(placed(tmp_path, "full", "StatefulSet"))
    rules = loaded.load_rules().by_id
    assert {"key-created-by-new-principal", "aws-sts-assume-root-rare-pair"} < rules.keys()
    assert rules["aws-sts-assume-root-rare-pair"].rule.severity == "high"
    assert len(loaded.load_exceptions()) == 1


@pytest.mark.parametrize("name", [name for name in VALUES if VALUES[name].keys() & {"rules", "exceptions"}])
def test_texts_arrive_as_they_are(name: str) -> None:
    """Rule files and exceptions keep every character: quotes, blanks at the start, braces, tabs."""
    manifests = render(VALUES[name])
    config = manifests["ConfigMap"]
    rules = next(one for key, one in manifests.items() if key.startswith("ConfigMap/") and key.endswith("-rules"))
    assert rules["data"] == VALUES[name]["rules"]
    assert config["data"]["exceptions.toml"] == VALUES[name]["exceptions"]


@pytest.mark.parametrize(("name", "kind"), WORKLOADS)
def test_secrets_stay_where_they_are(name: str, kind: str) -> None:
    """The chart makes no Secret; only volumes name those of others, and they name exactly those of the values."""
    manifests = render(VALUES[name])
    assert "Secret" not in {one["kind"] for one in manifests.values()}
    files = {**VALUES[name].get("files", {}), **VALUES[name].get(OWN[kind], {}).get("files", {})}
    sources = [
        source["secret"]
        for volume in pod(name, kind)["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "secret" in source
    ]
    named = {(source["name"], item["key"], item["path"]) for source in sources for item in source["items"]}
    assert named == {(of["secret"], of["key"], setting) for setting, of in files.items() if "secret" in of}


def test_notify_is_told_what_the_values_say() -> None:
    """`rootwatch notify` takes the options that the Deployment gives it; the URLs come from the Secret named."""
    spec = pod("full", "Deployment")
    (container,) = spec["containers"]
    command, *arguments = container["args"]
    assert command == "notify"
    taken = load("notify").make_context("notify", arguments).params
    assert {name: value for name, value in taken.items() if value not in (None, ())} == {
        "urls": ["file:/run/secrets/notify/urls"],
        "severity": "medium",
        "min_risk": 21,
        "sessions": False,
        "runbook": "https://wiki.example.com/{rule_id}?alert={alert_id}",
        "give_up_after": "12h",
        "start": "2026-03-01",
        "group": "rootwatch-pager",
        "dry_run": False,
        "test": False,
    }
    (urls,) = (volume["secret"] for volume in spec["volumes"] if volume["name"] == "urls")
    assert (urls["secretName"], urls["items"]) == ("rootwatch-notify", [{"key": "urls", "path": "urls"}])
    assert {"name": "urls", "mountPath": "/run/secrets/notify", "readOnly": True} in container["volumeMounts"]
    assert "Deployment" not in render(VALUES["plain"])


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"partitions": 9}},
        {"rules": {"one.toml": 'id = "one"'}},
        {"exceptions": "# none"},
        {"image": {"tag": "0.1.1"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_reaches_workers_and_topics(change: dict[str, Any]) -> None:
    """Another setting, rule, exception or image restarts the workers, and makes another Job of topics."""
    before, after = render(with_minimal({})), render(with_minimal(change))
    templates = [manifests["StatefulSet"]["spec"]["template"] for manifests in (before, after)]
    assert templates[0] != templates[1]
    assert before["Job"]["metadata"]["name"] != after["Job"]["metadata"]["name"]


def test_what_concerns_neither_starts_nothing() -> None:
    """More workers restart no worker, and make no other Job."""
    before, after = render(with_minimal({})), render(with_minimal({"replicas": 3}))
    assert before["StatefulSet"]["spec"]["template"] == after["StatefulSet"]["spec"]["template"]
    assert before["Job"] == after["Job"]
