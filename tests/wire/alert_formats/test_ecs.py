"""Documents have the fields, types and values of the ECS field reference, which ``docs/alerts.md`` names by field.

No package carries ECS's field definitions, so the types in the document's tables are taken from the reference by hand.
"""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from published_examples import ALERT, SUMMARY, flat
from strategies import DATED, alerts, session_summaries

from streams.wire.alert_formats.formats import FORMATS, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

ECS = FORMATS["ecs"]
DOCUMENT = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
_DATE = re.compile(r"-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# The values that ECS allows in its categorisation fields; not all are used.
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
TYPES_OF = {
    "intrusion_detection": {"allowed", "denied", "info"},
    "session": {"start", "end", "info"},
}


def is_address(value: Any) -> bool:
    try:
        return bool(ipaddress.ip_address(value))
    except ValueError:
        return False


IS_OF: dict[str, Callable[[Any], bool]] = {
    "keyword": lambda value: isinstance(value, str),
    "match_only_text": lambda value: isinstance(value, str),
    "date": lambda value: isinstance(value, str) and bool(_DATE.fullmatch(value)),
    "long": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "float": lambda value: type(value) in {int, float},
    "ip": is_address,
    "geo_point": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
}


def types(heading: str) -> dict[str, str]:
    """The second column of a section's table by the first."""
    section = DOCUMENT.split(f"\n#### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1] for row in rows}


def at(document: Any, path: str) -> Any:
    """What is at a path, a list as it is."""
    for name in path.split("."):
        document = document[name]
    return document


def assert_typed(document: dict[str, Any], heading: str) -> None:
    """Each field is one of the table, has a value of its type, and is a list only where ECS has lists."""
    document = json.loads(to_bytes(document))
    table = types(heading)
    for path in flat(document, whole="rootwatch"):
        kind, _, many = table[path].partition(", ")
        value = at(document, path)
        assert isinstance(value, list) is (many == "list"), path
        assert all(map(IS_OF[kind], value if many else [value])), (path, value)


@given(alert=alerts(DATED), overflow=st.booleans(), address=st.none() | st.text() | st.ip_addresses().map(str))
def test_every_alert_is_typed(alert: dict[str, Any], address: str | None, *, overflow: bool) -> None:
    """Any alert gives fields of ECS alone, of their types."""
    alert = alert | {"event": alert["event"] | {"source_ip": address}}
    assert_typed(ECS.alert(alert, overflow=overflow), "ECS: an alert")


@given(session_summaries())
def test_every_summary_is_typed(summary: dict[str, Any]) -> None:
    """Any session summary gives fields of ECS alone, of their types."""
    assert_typed(ECS.summary(summary), "ECS: a session summary")


def test_categories_are_those_of_ecs() -> None:
    """Kind, category and type are values that ECS allows, and the type is one of its category."""
    for document in (ECS.alert(ALERT, overflow=False), ECS.summary(SUMMARY)):
        event = document["event"]
        assert event["kind"] in KINDS
        allowed = set.union(*(TYPES_OF[category] for category in event["category"]))
        assert set(event["type"]) <= allowed


def test_overflow_has_a_dataset_of_its_own() -> None:
    """Alerts above the cap can be told apart by ``event.dataset``, as by ``rootwatch.overflow``."""
    assert [ECS.alert(ALERT, overflow=overflow)["event"]["dataset"] for overflow in (False, True)] == [
        "rootwatch.alerts",
        "rootwatch.overflow",
    ]


def test_an_unknown_severity_counts_as_the_most_serious() -> None:
    """A word that a later version adds is not taken for a mild one."""
    odd = ALERT | {"rule": ALERT["rule"] | {"severity": "apocalyptic"}}
    assert ECS.alert(odd, overflow=False)["event"]["severity"] == 4


def test_an_aws_service_is_no_address() -> None:
    """Where CloudTrail names a service in place of an address, there is no ``source.ip``."""
    alert = ALERT | {"event": ALERT["event"] | {"source_ip": "sts.amazonaws.com"}, "geo": None}
    document = ECS.alert(alert, overflow=False)
    assert document["source"] == {"address": "sts.amazonaws.com"}
    assert "ip" not in document["related"]
