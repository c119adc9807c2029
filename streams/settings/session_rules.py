"""What is known of root sessions, as it ships beside the rule."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from streams.rules import root_sessions


@cache
def load_session_rules() -> root_sessions.SessionRules:
    """The task policies' calls and the severities that ship; the same object each time."""
    text = files("streams.rules").joinpath(root_sessions.SHIPPED).read_text("utf-8")
    return root_sessions.parse(text, root_sessions.SHIPPED)
