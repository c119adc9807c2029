"""The registry of the other tests behaves like a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from registry_server import Refusal, Subjects


def schema_of(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "Kept", "fields": list(fields)})


COUNT = {"name": "count", "type": "long"}
NOTE = {"name": "note", "type": "string"}
NOTE_WITH_DEFAULT = NOTE | {"default": ""}
ONE = schema_of(COUNT)
FIELD_ADDED = schema_of(COUNT, NOTE)
FIELD_ADDED_WITH_DEFAULT = schema_of(COUNT, NOTE_WITH_DEFAULT)
FIELD_REMOVED = schema_of()
NARROWED = schema_of({"name": "count", "type": "int"})


@pytest.mark.parametrize(
    ("level", "second", "accepted"),
    [
        ("NONE", FIELD_ADDED, True),
        ("BACKWARD", FIELD_ADDED, False),
        ("BACKWARD", FIELD_REMOVED, True),
        ("FORWARD", FIELD_ADDED, True),
        ("FORWARD", FIELD_REMOVED, False),
        ("FULL_TRANSITIVE", FIELD_ADDED, False),
        ("FULL_TRANSITIVE", FIELD_REMOVED, False),
        ("FULL_TRANSITIVE", FIELD_ADDED_WITH_DEFAULT, True),
        ("FULL_TRANSITIVE", NARROWED, False),
    ],
)
def test_levels(level: str, second: str, *, accepted: bool) -> None:
    """A second schema is accepted, or refused with 409, by Confluent's documentation of the level."""
    subjects = Subjects()
    subjects.set_level("s", level)
    subjects.register("s", ONE)
    if accepted:
        assert subjects.register("s", second) == 2
    else:
        with pytest.raises(Refusal) as raised:
            subjects.register("s", second)
        assert raised.value.status == 409


def test_transitive_means_all_versions() -> None:
    """FULL looks at the last version only, FULL_TRANSITIVE at all of them."""
    other_type = schema_of(COUNT, {"name": "note", "type": "long", "default": 0})
    for level, accepted in (("FULL", True), ("FULL_TRANSITIVE", False)):
        subjects = Subjects()
        subjects.set_level("s", level)
        for schema in (FIELD_ADDED_WITH_DEFAULT, ONE):
            subjects.register("s", schema)
        assert subjects.compatible("s", other_type) == accepted


def test_same_schema_same_id() -> None:
    """A schema keeps its id when it is registered again, also under another subject or with other blanks."""
    subjects = Subjects()
    assert subjects.register("a", ONE) == 1
    assert subjects.register("a", json.dumps(json.loads(ONE), indent=2)) == 1
    assert subjects.register("b", ONE) == 1
    assert subjects.register("b", FIELD_REMOVED) == 2


def test_what_is_no_schema_is_refused() -> None:
    """Text that is not an Avro schema is 422, and an unknown subject or schema 404."""
    subjects = Subjects()
    for call, status in (
        (lambda: subjects.register("a", "{}"), 422),
        (lambda: subjects.lookup("a", ONE), 404),
        (lambda: (subjects.register("a", ONE), subjects.lookup("a", FIELD_REMOVED)), 404),
    ):
        with pytest.raises(Refusal) as raised:
            call()
        assert raised.value.status == status
