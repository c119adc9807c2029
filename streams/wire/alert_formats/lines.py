"""The same documents as lines for a terminal or pipe: in ASCII, so that no value of a caller controls a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.wire.alert import to_json_line
from streams.wire.alert_formats.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.wire.alert_formats.formats import FormatName


def alert_line(name: FormatName, alert: Mapping[str, Any]) -> str:
    """Return an alert of the alert topic on one line without its end."""
    return to_json_line(alert) if name == "native" else _line(FORMATS[name].alert(alert, overflow=False))


def summary_line(name: FormatName, summary: Mapping[str, Any]) -> str:
    """Return a session summary on one line without its end."""
    return _line(FORMATS[name].summary(summary))


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
