"""What the chart's schema says of settings, made from the model.

``python tests/chart_settings.py`` writes it into ``deploy/helm/rootwatch/values.schema.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le

from streams.settings.model import Settings
from streams.settings.rule_settings import RuleSettings, RuleTables
from streams.settings.values import (
    Addresses,
    Duration,
    DurationOrZero,
    Entries,
    ExistingFile,
    Files,
    Names,
    RecordSize,
    Size,
    Whole,
)

SCHEMA = Path(__file__).parent.parent / "deploy" / "helm" / "rootwatch" / "values.schema.json"
# The chart sets them: it mounts the volume, probes come from outside of the pod, and the exceptions' text is a value.
OF_THE_CHART = {"state_dir", "http_host", "exceptions"}

_LIST = {"type": ["string", "array"], "minLength": 1, "items": {"type": "string", "minLength": 1}}
_DURATION = {"type": "string", "pattern": r"^([0-9]+[wdhms])+$"}
_KINDS = (
    (Addresses, {**_LIST, "minLength": 0, "items": {"type": "string", "pattern": r"^[^/]+:[0-9]+$"}}),
    (Names, _LIST),
    (Entries, _LIST),
    (Files, _LIST),
    (Duration, _DURATION),
    (DurationOrZero, _DURATION),
    (Size, {"type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$"}),
    (RecordSize, {"type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$"}),
    (ExistingFile, {"type": "string", "pattern": "^/"}),
    (Whole, {"type": "integer"}),
    (bool, {"type": "boolean"}),
)


def settings_schema() -> dict[str, Any]:
    """The JSON schema of the values ``settings``: the settings of an operator that the chart does not set itself."""
    properties = _properties(Settings)
    # Not within the pattern of one: a Secret holds user and password.
    properties["schema_registry_url"]["pattern"] = "^https?://[^@]+$"
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: properties[name] for name in properties if name not in OF_THE_CHART},
    }


def _properties(model: type[Settings | RuleSettings]) -> dict[str, Any]:
    hints = get_type_hints(model, include_extras=True)
    return {name: _schema(hints[name], field.metadata) for name, field in model.model_fields.items()}


def _schema(hint: Any, metadata: list[Any]) -> dict[str, Any]:
    if get_origin(hint) in {UnionType, Union}:
        return _schema(get_args(hint)[0], metadata)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if hint == RuleTables:
        table = {"type": "object", "additionalProperties": False, "properties": _properties(RuleSettings)}
        return {"type": "object", "additionalProperties": table}
    kind: dict[str, Any] = dict(next((schema for each, schema in _KINDS if hint == each), {"type": "string"}))
    if kind["type"] == "integer":
        for bound in metadata:
            if isinstance(bound, Ge):
                kind["minimum"] = bound.ge
            elif isinstance(bound, Le):
                kind["maximum"] = bound.le
    return kind


def written() -> str:
    """The whole schema of the values, as it is to be written."""
    schema = json.loads(SCHEMA.read_text())
    schema["definitions"]["settings"] = settings_schema()
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(written())
