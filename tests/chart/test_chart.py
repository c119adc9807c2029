"""The Helm chart: what it renders is valid for Kubernetes, locked down, and starts a worker with the settings meant."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate
import prometheus_operator
import pytest
import yaml
from helm_chart import CHART, VALUE_FILES, helm, render, with_minimal

from streams import __version__, settings
from streams.settings import Settings
from streams.settings.rule_entries import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
RULES = CHART.parent.parent / "prometheus" / "rules.yml"
SASL = {"security_protocol": "SASL_SSL", "sasl_username": "rootwatch"}
PASSWORD = {"sasl_password_file": {"secret": "kafka", "key": "password"}}
VALUES: dict[str, dict[str, Any]] = {
    **{path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text()) for path in VALUE_FILES},
    "scram": {"settings": {**SASL, "sasl_mechanism": "SCRAM-SHA-256"}, "files": PASSWORD},
    "oauth": {"settings": {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, "files": PASSWORD},
    "sasl-plaintext": {
        "settings": {**SASL, "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"},
        "files": PASSWORD,
    },
    "mutual-tls": {
        "settings": {"security_protocol": "SSL"},
        "files": {
            "ssl_ca": {"secret": "tls", "key": "ca.crt"},
            "ssl_cert": {"secret": "tls", "key": "tls.crt"},
            "ssl_key": {"secret": "tls", "key": "tls.key"},
        },
    },
    "registry": {
        "settings": {"schema_registry_url": "https://registry-1:8081,https://registry-2:8081"},
        "files": {
            "schema_registry_auth_file": {"secret": "registry", "key": "auth"},
            "ssl_ca": {"configMap": "ca", "key": "ca.pem"},
        },
    },
    "one-worker": {"replicas": 1, "settings": {"standby_replicas": 0}, "podDisruptionBudget": {"maxUnavailable": 0}},
    "vault": {
        "settings": {**SASL, "sasl_mechanism": "PLAIN", "sasl_password_file": "/vault/secrets/password"},
        "podAnnotations": {"vault.hashicorp.com/agent-inject": "true"},
    },
    "quoting": {
        "settings": {
            "topic_prefix": "rw",
            "group_id": "rw-1",
            "source_topics": ["a", "b.c"],
            "max_message_size": "1GiB",
        },
        "exceptions": '  \n# "\'\\\n[[exception]]\nprincipal = "*<&>\\u00e9é{{ x }}"\r\nreason = "r"',
        "rules": {"0.toml": 'id = "x"\n\tname = "y"', "b.toml": '   # indented\nid = "y"\n'},
    },
    "many-rules": {
        "settings": {"rules": "shipped"},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
    },
    "closed": {"networkPolicy": {"metricsFrom": []}},
    "account-of-others": {
        "serviceAccount": {"create": False, "name": "given"},
        "topicsJob": {"serviceAccountName": "admin"},
    },
    "long-name": {"fullnameOverride": "a" * 63},
}
VALUES = {name: with_minimal(values) for name, values in VALUES.items()}
WORKLOADS = [
    (name, kind)
    for name, values in VALUES.items()
    for kind in ("StatefulSet", "Job")
    if kind == "StatefulSet" or values.get("topicsJob", {}).get("enabled", True)
]
OLDEST, USUAL, NEWEST = "1.27", "1.31", "1.34"


@cache
def refusal(manifest: str, version: str) -> str:
    """The errors of a manifest (JSON) by Kubernetes' own schema, or by a custom resource's; none if it is valid."""
    parsed = json.loads(manifest)
    if (kind := parsed["kind"]) in prometheus_operator.KINDS:
        validator = jsonschema.Draft7Validator(prometheus_operator.schema(kind))
        return "\n".join(error.message for error in validator.iter_errors(parsed))
    try:
        kubernetes_validate.validate(parsed, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


def pod(name: str, kind: str) -> dict[str, Any]:
    """The pod of a workload under the values of this name."""
    spec = render(VALUES[name])[kind]["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


@pytest.mark.parametrize("path", [CHART / "values.yaml", *VALUE_FILES], ids=lambda path: path.stem)
def test_lint_finds_nothing(path: Path) -> None:
    """``helm lint --strict`` passes for the default values and for each example."""
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--values", str(path))


@pytest.mark.parametrize(
    ("name", "version"), [*((name, USUAL) for name in VALUES), ("full", OLDEST), ("full", NEWEST), ("msk", OLDEST)]
)
def test_manifests_hold_to_the_api(name: str, version: str) -> None:
    """Each manifest is valid by Kubernetes' own schema, of the oldest version that the chart allows, too."""
    manifests = render(VALUES[name])
    assert {"ConfigMap", "Service", "StatefulSet"} <= manifests.keys()
    assert {kind: found for kind, one in manifests.items() if (found := refusal(json.dumps(one), version))} == {}
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert metadata["kubeVersion"] == f">={OLDEST}.0-0"


@pytest.mark.parametrize("kind", render(VALUES["full"]))
def test_a_field_that_is_unknown_would_be_found(kind: str) -> None:
    """The check of the manifests is strict, in each kind."""
    manifest = render(VALUES["full"])[kind]
    inner = {"spec": {**manifest["spec"], "unheardOf": 1}} if "spec" in manifest else {"unheardOf": 1}
    assert "unheardOf" in refusal(json.dumps({**manifest, **inner}), USUAL)


@pytest.mark.parametrize(("name", "kind"), WORKLOADS)
def test_pods_are_locked_down(name: str, kind: str) -> None:
    """Pods have a read-only root, no rights, no tokens, no stray variables, a memory limit and a fixed image."""
    spec = pod(name, kind)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["enableServiceLinks"] is spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    assert re.search(r":\d+\.\d+\.\d+(-1)?$|@sha256:[0-9a-f]{64}$", container["image"])


def test_the_user_is_the_images_unless_the_cluster_chooses() -> None:
    """Pods run as 10001, unless the values leave the user to the cluster."""
    assert pod("plain", "StatefulSet")["securityContext"]["runAsUser"] == 10001
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod("msk", "StatefulSet")["securityContext"].keys()


@pytest.mark.parametrize(("name", "kind"), WORKLOADS)
def test_what_is_mounted_is_a_volume_that_exists(name: str, kind: str) -> None:
    """Every mount is of a volume or claim, every volume is mounted, and its ConfigMaps are rendered."""
    manifests = render(VALUES[name])
    spec = pod(name, kind)
    claims = manifests[kind]["spec"].get("volumeClaimTemplates", []) if kind == "StatefulSet" else []
    volumes = {volume["name"] for volume in spec["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert set(mounts) == volumes
    rendered = {one["metadata"]["name"] for one in manifests.values() if one["kind"] == "ConfigMap"}
    (config,) = (volume for volume in spec["volumes"] if volume["name"] == "config")
    assert {source["configMap"]["name"] for source in config["projected"]["sources"]} <= rendered
    if kind == "StatefulSet":
        assert mounts["state"] == "/var/lib/rootwatch"


def placed(folder: Path, name: str, kind: str) -> Path:
    """Lay out a container's files as its volumes would, with a file per secret; return rootwatch.toml."""
    manifests = {one["metadata"]["name"]: one for one in render(VALUES[name]).values() if one["kind"] == "ConfigMap"}
    spec = pod(name, kind)
    (mounts,) = ({mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]} for one in spec["containers"])
    for volume in (volume for volume in spec["volumes"] if "projected" in volume):
        for source in volume["projected"]["sources"]:
            of = source.get("configMap") or source["secret"]
            data = manifests[of["name"]]["data"] if of["name"] in manifests else {}
            items = of.get("items", [{"key": key, "path": key} for key in data])
            for item in items:
                file = folder / mounts[volume["name"]].removeprefix("/") / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(data.get(item["key"], f"secret of {of['name']}/{item['key']}"))
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
    of_the_job = values.get("topicsJob", {}).get("settings", {}) if kind == "Job" else {}
    given = {**DEFAULTS["settings"], **values["settings"], **of_the_job}
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
    """Each file of a Secret is the key that the values name; the Job has its own where the values say so."""
    worker = settings.load(placed(tmp_path / "worker", "full", "StatefulSet"))
    job = settings.load(placed(tmp_path / "job", "full", "Job"))
    assert (worker.sasl_username, worker.sasl_password()) == ("rootwatch", "secret of rootwatch-kafka/password")
    assert (job.sasl_username, job.sasl_password()) == ("rootwatch-admin", "secret of rootwatch-admin/password")
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
    of_the_job = VALUES[name].get("topicsJob", {}).get("files", {}) if kind == "Job" else {}
    files = {**VALUES[name].get("files", {}), **of_the_job}
    sources = [
        source["secret"]
        for volume in pod(name, kind)["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "secret" in source
    ]
    named = {(source["name"], item["key"], item["path"]) for source in sources for item in source["items"]}
    assert named == {(of["secret"], of["key"], setting) for setting, of in files.items() if "secret" in of}


def test_prometheus_reads_the_workers_under_the_names_of_the_rules() -> None:
    """The ServiceMonitor selects the Service's port and calls the job rootwatch, as the alert rules and Compose do."""
    manifests = render(VALUES["full"])
    monitor, service = manifests["ServiceMonitor"]["spec"], manifests["Service"]
    (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")
    assert {"targetLabel": "job", "replacement": "rootwatch"} in endpoint["relabelings"]
    annotations = {
        name: render(VALUES[name])["StatefulSet"]["spec"]["template"]["metadata"]["annotations"]
        for name in ("full", "plain")
    }
    assert "prometheus.io/scrape" not in annotations["full"]  # else each worker would be read twice
    assert annotations["plain"]["prometheus.io/port"] == str(Settings().http_port)


def test_the_alert_rules_are_those_of_prometheus() -> None:
    """The PrometheusRule is deploy/prometheus/rules.yml, with the runbooks where the values say that they are."""
    groups = render(VALUES["full"])["PrometheusRule"]["spec"]["groups"]
    text = RULES.read_text().replace("runbook_url: ", "runbook_url: https://wiki.example.com/rootwatch/")
    assert groups == yaml.safe_load(text)["groups"]
    plain = render(VALUES["many-rules"])["PrometheusRule"]["spec"]["groups"]
    assert plain == yaml.safe_load(RULES.read_text())["groups"]


def test_workers_keep_state_and_are_asked_the_right_things() -> None:
    """Readiness is /readyz and liveness /healthz, on a port that the pod's network reaches; state outlives the pod."""
    manifests = render(VALUES["full"])
    spec = manifests["StatefulSet"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert {"name": "ROOTWATCH_HTTP_HOST", "value": "0.0.0.0"} in container["env"]  # noqa: S104  the pod's network
    assert container["ports"][0]["containerPort"] == VALUES["full"]["settings"]["http_port"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert "volumeClaimTemplates" not in render(VALUES["msk"])["StatefulSet"]["spec"]


@pytest.mark.parametrize("name", VALUES)
def test_selectors_select_the_workers(name: str) -> None:
    """Service, StatefulSet and budget select the workers and not the Job; the policy selects both."""
    manifests = render(VALUES[name])
    worker = manifests["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    job = manifests["Job"]["spec"]["template"]["metadata"]["labels"] if "Job" in manifests else None
    for kind in manifests.keys() & {"Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy"}:
        spec = manifests[kind]["spec"]
        found = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
        selected = found.get("matchLabels", found)
        assert selected.items() <= worker.items(), kind
        assert job is None or (selected.items() <= job.items()) == (kind == "NetworkPolicy"), kind
    assert manifests["StatefulSet"]["spec"]["serviceName"] == manifests["Service"]["metadata"]["name"]


def test_egress_is_limited_only_where_it_is_named() -> None:
    """Without egress rules a policy says nothing of egress; with some, DNS is let through beside them."""
    assert render(VALUES["plain"])["NetworkPolicy"]["spec"]["policyTypes"] == ["Ingress"]
    policy = render(VALUES["full"])["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"][0]["port"] for rule in policy["egress"]] == [53, 9093]
    assert render(VALUES["closed"])["NetworkPolicy"]["spec"]["ingress"] == []


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


@pytest.mark.parametrize("release", ["rootwatch", "prod", "a-rootwatch-b", "x" * 53])
def test_names_are_short_enough_and_of_the_release(release: str) -> None:
    """Names begin with the release and leave room for what Kubernetes appends (63 characters in labels)."""
    manifests = render(VALUES["plain"], release=release)
    for manifest in manifests.values():
        name = manifest["metadata"]["name"]
        assert name.startswith(release[:43])
        assert len(name) <= 63
    assert len(manifests["StatefulSet"]["metadata"]["name"]) <= 52  # of what a pod's label of its revision leaves


def test_the_chart_is_of_this_release() -> None:
    """The chart's appVersion, which is the image's tag, is the version of rootwatch."""
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert metadata["appVersion"] == __version__
