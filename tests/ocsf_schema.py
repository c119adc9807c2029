"""OCSF's own schema of a Detection Finding, as the package ocsf-json-schema carries it.

The package has 1.8.0, and findings say 1.9.0. That version adds attributes to the objects that findings use and removes
none (docs/decisions.md), so what is valid by the one is valid by the other.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

CARRIED = "1.8.0"


@cache
def whole_schema() -> dict[str, Any]:
    """Everything: classes, objects, enums with their captions."""
    found: dict[str, Any] = get_ocsf_schema(version=CARRIED)
    return found


@cache
def finding_schema() -> dict[str, Any]:
    """The JSON schema of class 2004 with the profile that findings name; unknown attributes are refused."""
    classes = OcsfJsonSchemaEmbedded(whole_schema())
    found: dict[str, Any] = classes.get_class_schema(classes.lookup_class_name_from_uid(class_uid=2004), ["cloud"])
    assert found["additionalProperties"] is False
    return found


@cache
def validator() -> Draft202012Validator:
    """What validates findings by that schema."""
    return Draft202012Validator(finding_schema())
