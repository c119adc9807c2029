"""The chart refuses what a worker would refuse, before anything is applied."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from chart_settings import OF_THE_CHART, SCHEMA, written
from helm_chart import CHART, ChartError, helm, render, with_minimal

from streams.settings import Settings

PASSWORD = {"sasl_password_file": {"secret": "kafka", "key": "password"}}
CERTIFICATE = {"ssl_cert": {"secret": "tls", "key": "tls.crt"}}
SCRAM = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "rootwatch"}
PLAIN = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}

NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "unknown value": ({"replica": 3}, "replica"),
    "unknown setting": ({"settings": {"partition": 8}}, "partition"),
    "password as a setting": ({"settings": {"sasl_password": "s3cret"}}, "sasl_password"),
    "password as a file's text": ({"files": {"sasl_password_file": "s3cret"}}, "sasl_password_file"),
    "password in a ConfigMap": (
        {"files": {"sasl_password_file": {"configMap": "kafka", "key": "p"}}},
        "sasl_password_file",
    ),
    "key in a ConfigMap": ({"files": {"ssl_key": {"configMap": "kafka", "key": "p"}}}, "ssl_key"),
    "password in the registry's URL": (
        {"settings": {"schema_registry_url": "https://u:p@registry:8081"}},
        "schema_registry_url",
    ),
    "secret without a key": ({"files": {"ssl_ca": {"secret": "kafka"}}}, "ssl_ca"),
    "file that is no file": ({"files": {"exceptions": {"secret": "a", "key": "b"}}}, "exceptions"),
    "the chart's own setting": ({"settings": {"state_dir": "/tmp/state"}}, "state_dir"),  # noqa: S108
    "setting as a variable": ({"extraEnv": [{"name": "ROOTWATCH_PARTITIONS", "value": "9"}]}, "extraEnv"),
    "broker with a scheme": ({"settings": {"bootstrap_servers": ["https://kafka:9092"]}}, "bootstrap_servers"),
    "broker without a port": ({"settings": {"bootstrap_servers": ["kafka"]}}, "bootstrap_servers"),
    "mechanism that is none": ({"settings": {"sasl_mechanism": "GSSAPI"}}, "sasl_mechanism"),
    "protocol that is none": ({"settings": {"security_protocol": "TLS"}}, "security_protocol"),
    "number as text": ({"settings": {"partitions": "8"}}, "partitions"),
    "no partitions": ({"settings": {"partitions": 0}}, "partitions"),
    "half a partition": ({"settings": {"partitions": 8.5}}, "partitions"),
    "duration without a unit": ({"settings": {"window": 10}}, "window"),
    "size without a unit": ({"settings": {"max_message_size": "64"}}, "max_message_size"),
    "severity that is none": ({"settings": {"severity": "grave"}}, "severity"),
    "unknown setting of a rule": ({"settings": {"rule_settings": {"x": {"windows": "1d"}}}}, "windows"),
    "rule file that is no TOML file": ({"rules": {"rule.yaml": "id: x"}}, "rule"),
    "rule file in a folder": ({"rules": {"a/b.toml": 'id = "x"'}}, "rules"),
    "empty rule file": ({"rules": {"a.toml": ""}}, "rules"),
    "workers below none": ({"replicas": -1}, "replicas"),
    "size of a volume": ({"persistence": {"size": "5 gigabytes"}}, "size"),
    "memory": ({"resources": {"limits": {"memory": "a lot"}}}, "memory"),
    "unknown field of a probe": ({"probes": {"liveness": {"httpGet": {"path": "/"}}}}, "liveness"),
    "budget": ({"podDisruptionBudget": {"maxUnavailable": "some"}}, "maxUnavailable"),
    "peers that are none": ({"networkPolicy": {"metricsFrom": ["monitoring"]}}, "metricsFrom"),
    "digest": ({"image": {"digest": "0123"}}, "digest"),
    "image with a space": ({"image": {"repository": "my image"}}, "repository"),
    "interval": ({"serviceMonitor": {"interval": "often"}}, "interval"),
    "runbooks without a slash at the end": ({"prometheusRule": {"runbookUrl": "https://wiki"}}, "runbookUrl"),
    "time to stop that is too short": ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    "URLs as text": ({"notify": {"urls": "slack://A/B/C"}}, "urls"),
    "severity of notices": ({"notify": {"severity": "all"}}, "severity"),
    "enabled as text": ({"topicsJob": {"enabled": "yes"}}, "enabled"),
}
# Each allowed by the schema; a worker would end with 2.
CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no brokers": ({"settings": {"bootstrap_servers": []}}, "settings.bootstrap_servers is empty"),
    "no image": ({"image": {"repository": ""}}, "image.repository is empty"),
    "no mechanism": ({"settings": {"security_protocol": "SASL_SSL"}}, "settings.sasl_mechanism is not set"),
    "mechanism without a protocol": (
        {"settings": {"sasl_mechanism": "PLAIN", "sasl_username": "u"}, "files": PASSWORD},
        "settings.sasl_mechanism PLAIN needs security_protocol SASL_SSL or SASL_PLAINTEXT, not PLAINTEXT",
    ),
    "IAM without TLS": (
        {"settings": {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "AWS_MSK_IAM"}},
        "AWS_MSK_IAM needs security_protocol SASL_SSL, not SASL_PLAINTEXT",
    ),
    "no password": ({"settings": SCRAM}, "files.sasl_password_file is not set"),
    "no user": (
        {"settings": PLAIN, "files": PASSWORD},
        "settings.sasl_username is not set",
    ),
    "certificate without a key": (
        {"settings": {"security_protocol": "SSL"}, "files": CERTIFICATE},
        "ssl_cert and ssl_key",
    ),
    "certificate without TLS": (
        {"files": {**CERTIFICATE, "ssl_key": {"secret": "tls", "key": "tls.key"}}},
        "ssl_cert needs security_protocol SSL or SASL_SSL, not PLAINTEXT",
    ),
    "password twice": (
        {"settings": {**SCRAM, "sasl_password_file": "/vault/password"}, "files": PASSWORD},
        "sasl_password_file is set under settings and under files",
    ),
    "rule and rules": (
        {"settings": {"rule": "shipped"}, "rules": {"a.toml": 'id = "a"'}},
        "settings.rule is set, and so are values under rules",
    ),
    "nobody to tell": ({"notify": {"enabled": True}}, "notify.urls is not set"),
    "of the Job alone": (
        {"topicsJob": {"settings": {"security_protocol": "SASL_SSL"}}},
        "settings.sasl_mechanism is not set",
    ),
}


@pytest.mark.parametrize(("values", "named"), NONSENSE.values(), ids=NONSENSE)
def test_the_schema_refuses_nonsense(values: dict[str, Any], named: str) -> None:
    """A value that is unknown or wrong is refused by the schema, whose message names it."""
    with pytest.raises(ChartError, match=named) as refused:
        render(with_minimal(values))
    assert "don't meet the specifications of the schema" in str(refused.value)


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_itself_is_refused(values: dict[str, Any], message: str) -> None:
    """Values that a worker would refuse at its start are refused with a message that names them."""
    with pytest.raises(ChartError) as refused:
        render(with_minimal(values))
    assert message in str(refused.value)


def test_the_schema_has_the_settings() -> None:
    """The schema knows every setting except the chart's own, with its values: ``python tests/chart_settings.py``."""
    assert SCHEMA.read_text() == written()
    schema = json.loads(SCHEMA.read_text())["definitions"]["settings"]["properties"]
    assert schema.keys() == Settings.model_fields.keys() - OF_THE_CHART


def test_every_value_is_in_the_schema_and_in_the_values() -> None:
    """The schema names what values.yaml shows, and values.yaml shows, with its default, what the schema names."""
    schema = json.loads(SCHEMA.read_text())["properties"]
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema.keys() - {"global"} == values.keys()
    for name, value in values.items():
        if "properties" in schema[name]:
            assert value.keys() == schema[name]["properties"].keys(), name


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "kubectl exec -n detection rootwatch-0 -- rootwatch doctor"),
        ({"topicsJob": {"enabled": False}}, "No Job creates topics"),
        ({"replicas": 9}, "WARNING: 9 workers share 8 partitions"),
        ({"persistence": {"enabled": False}}, "Workers have no volumes"),
        ({"settings": {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"}}, "names no role"),
    ],
    ids=["plain", "no job", "too many", "no volumes", "no role"],
)
def test_notes_say_what_to_look_at(values: dict[str, Any], said: str) -> None:
    """What Helm prints after an installation has the next commands, and warns of what is likely a mistake."""
    text = helm(
        *("install", "rootwatch", str(CHART), "--namespace", "detection", "--dry-run=client", "--values", "-"),
        given=json.dumps(with_minimal(values)),
    )
    assert said in text.split("NOTES:")[1]
