"""The formats of the setting ``json_alerts`` and of ``rootwatch alerts --format``, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import orjson

from streams.wire.alert import to_json_without_record
from streams.wire.alert_formats import ecs, ocsf
from streams.wire.sessions.published import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FormatName = Literal["native", "ecs", "ocsf"]


class MapAlert(Protocol):
    """Turns an alert into a document."""

    def __call__(self, alert: Mapping[str, Any], /, *, overflow: bool) -> dict[str, Any]:
        """Return the document of an alert, which has every field of ``schemas/alert.avsc``."""


class AlertFormat(NamedTuple):
    """How alerts and session summaries are written as JSON.

    Attributes:
        alert: takes an alert, and whether it is overflow.
        summary: takes a summary with every field of ``schemas/session_summary.avsc``.
    """

    alert: MapAlert
    summary: Callable[[Mapping[str, Any]], dict[str, Any]]


def _native_alert(alert: Mapping[str, Any], /, *, overflow: bool) -> dict[str, Any]:
    """Return the form of ``to_json_line``; the record's text goes in as it is, so that its numbers stay whole."""
    document = to_json_without_record(alert) | {"record": orjson.Fragment(alert["record"])}
    return document | {"overflow": True} if overflow else document


def _native_summary(summary: Mapping[str, Any], /) -> dict[str, Any]:
    return {"summary": SUMMARY.to_json(summary)}


FORMATS: dict[FormatName, AlertFormat] = {
    "native": AlertFormat(_native_alert, _native_summary),
    "ecs": AlertFormat(ecs.alert_document, ecs.summary_document),
    "ocsf": AlertFormat(ocsf.alert_finding, ocsf.summary_finding),
}


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document of these formats as JSON in UTF-8, on one line without its end."""
    return orjson.dumps(document)
