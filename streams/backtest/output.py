"""Alerts as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from streams.wire.alert import to_json_line

if TYPE_CHECKING:
    from streams.detection.sighting import Sighting
    from streams.pipeline import Decision


class AlertLines:
    """Writes each alert as one line, with ``"overflow": true`` where it is above the cap (A3)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def hear(self, _sighting: Sighting, decision: Decision) -> None:
        """Write the decision's alert, if it has one; ``OSError`` if that fails."""
        if decision.alert is not None:
            line = to_json_line(decision.alert, overflow=decision.outcome == "overflow")
            # A lone surrogate has no UTF-8; as a backslash escape it is the same text in JSON.
            self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
