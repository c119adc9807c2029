from __future__ import annotations

from typing import Any

import structlog
from hypothesis import given
from hypothesis import strategies as st

from streams.content.console_line import console_line
from streams.content.printable import printable

TEXTS = st.text(st.sampled_from("ab =\"'\\\n\t\x1b\x7f\u202eé😀[].,")).map(printable)
VALUES = st.one_of(TEXTS, st.none(), st.integers(), st.tuples(st.text(), st.text()), st.dictionaries(TEXTS, TEXTS))


@given(values=st.dictionaries(st.sampled_from(["reason", "terms", "alert_id", "Z", "_a"]), VALUES), text=TEXTS)
def test_console_line(values: dict[str, Any], text: str) -> None:
    """It is the line of structlog's console without colours."""
    event = {**values, "event": text, "level": "warning", "logger": "streams.worker", "timestamp": "2026-03-02T09:14Z"}
    console = structlog.dev.ConsoleRenderer(colors=False)
    assert console_line(event) == console(None, "warning", dict(event))
