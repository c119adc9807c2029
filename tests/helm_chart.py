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
