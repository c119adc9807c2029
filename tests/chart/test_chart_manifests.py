"""What the Helm chart renders is valid for Kubernetes, locked down, and selects and mounts what it means."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

import jsonschema
import kubernetes_validate
import prometheus_operator
import pytest
import yaml
from helm_chart import CHART, VALUE_FILES, VALUES, WORKLOADS, helm, pod, render

from streams import __version__
from streams.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

RULES = CHART.parent.parent / "prometheus" / "rules.yml"
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
