"""The Prometheus operator's API (monitoring.coreos.com/v1), as JSON schemas of the fields that the chart uses."""

from __future__ import annotations

from typing import Any

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}
KINDS: dict[str, dict[str, Any]] = {
    "ServiceMonitor": {
        "required": ["selector", "endpoints"],
        "properties": {
            "selector": {"additionalProperties": False, "properties": {"matchLabels": TEXTS}},
            "endpoints": {
                "type": "array",
                "items": {
                    "additionalProperties": False,
                    "properties": {
                        "port": {"type": "string"},
                        "path": {"type": "string"},
                        "interval": DURATION,
                        "scrapeTimeout": DURATION,
                        "relabelings": {
                            "items": {
                                "additionalProperties": False,
                                "properties": {
                                    "targetLabel": {"type": "string"},
                                    "replacement": {"type": "string"},
                                    "sourceLabels": {"items": {"type": "string"}},
                                },
                            }
                        },
                    },
                },
            },
        },
    },
    "PrometheusRule": {
        "required": ["groups"],
        "properties": {
            "groups": {
                "minItems": 1,
                "items": {
                    "required": ["name", "rules"],
                    "additionalProperties": False,
                    "properties": {
                        "name": {"type": "string"},
                        "rules": {
                            "minItems": 1,
                            "items": {
                                "required": ["alert", "expr"],
                                "additionalProperties": False,
                                "properties": {
                                    "alert": {"type": "string"},
                                    "expr": {"type": "string"},
                                    "for": DURATION,
                                    "labels": TEXTS,
                                    "annotations": TEXTS,
                                },
                            },
                        },
                    },
                },
            }
        },
    },
}
"""The schema of each kind's ``spec``; a field that is not named here is refused."""


def schema(kind: str) -> dict[str, Any]:
    """The schema of a whole manifest of this kind."""
    return {
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "monitoring.coreos.com/v1"},
            "kind": {"const": kind},
            "metadata": {"type": "object", "required": ["name"]},
            "spec": {"type": "object", "additionalProperties": False, **KINDS[kind]},
        },
    }
