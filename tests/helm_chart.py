"""Renders the Helm chart as an operator does, with the Helm that ``make setup`` puts beside the tests' Python."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent / "deploy" / "helm" / "rootwatch"
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
VALUE_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
MINIMAL = {
    "image": {"repository": "registry.example.com/rootwatch"},
    "settings": {"bootstrap_servers": ["kafka-0.kafka:9092"]},
}
"""The values that have no default."""


class ChartError(Exception):
    """Helm has refused the values; the message is Helm's."""


def helm(*arguments: str, given: str = "") -> str:
    """Run Helm and return what it writes to stdout.

    Raises:
        ChartError: it has failed.
    """
    program = Path(sys.prefix) / "bin" / "helm"  # of the virtual environment
    done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    if done.returncode:
        raise ChartError(done.stderr)
    return done.stdout


def with_minimal(values: dict[str, Any]) -> dict[str, Any]:
    """The values, with those that have no default unless they say otherwise."""
    return {
        **values,
        "image": {**MINIMAL["image"], **values.get("image", {})},
        "settings": {**MINIMAL["settings"], **values.get("settings", {})},
    }


def render(values: dict[str, Any], *, release: str = "rootwatch") -> dict[str, dict[str, Any]]:
    """The manifests of a release under these values, by kind; a second one of a kind by kind and name.

    Raises:
        ChartError: the values are refused.
    """
    return _by_kind(release, json.dumps(values))


@cache
def _by_kind(release: str, values: str) -> dict[str, dict[str, Any]]:
    text = helm("template", release, str(CHART), "--namespace", "detection", "--values", "-", given=values)
    manifests: dict[str, dict[str, Any]] = {}
    for manifest in filter(None, yaml.load_all(text, yaml.CSafeLoader)):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        key = f"{kind}/{name}" if kind in manifests else kind
        assert key not in manifests, key
        manifests[key] = manifest
    return manifests


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
    "job-of-its-own": {"topicsJob": {"settings": {"standby_replicas": 0, "replication_factor": 1}}},
    "closed": {"networkPolicy": {"metricsFrom": []}},
    "account-of-others": {
        "serviceAccount": {"create": False, "name": "given"},
        "topicsJob": {"serviceAccountName": "admin"},
    },
    "long-name": {"fullnameOverride": "a" * 63},
}
VALUES = {name: with_minimal(values) for name, values in VALUES.items()}
OWN = {"StatefulSet": "", "Job": "topicsJob", "Deployment": "notify"}
"""The value that each workload has beside those of all."""
WORKLOADS = [
    (name, kind)
    for name, values in VALUES.items()
    for kind, own in OWN.items()
    if not own or values.get(own, {}).get("enabled", DEFAULTS[own]["enabled"])
]


def pod(name: str, kind: str) -> dict[str, Any]:
    """The pod of a workload under the values of this name."""
    spec = render(VALUES[name])[kind]["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def mounted_files(manifests: dict[str, dict[str, Any]], kind: str) -> dict[str, str]:
    """The text of each file in the projected volumes of a workload's pod, by path; a secret's text names the secret."""
    configs = {one["metadata"]["name"]: one["data"] for one in manifests.values() if one["kind"] == "ConfigMap"}
    spec = manifests[kind]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    files = {}
    for volume in (volume for volume in spec["volumes"] if "projected" in volume):
        for source in volume["projected"]["sources"]:
            of = source.get("configMap") or source["secret"]
            data = configs.get(of["name"], {})
            for item in of.get("items", [{"key": key, "path": key} for key in data]):
                text = data.get(item["key"], f"secret of {of['name']}/{item['key']}")
                files[f"{mounts[volume['name']]}/{item['path']}"] = text
    return files
