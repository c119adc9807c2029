"""A notice that tries whether a service is reached."""

from __future__ import annotations

from streams.notices.messages.notice import Notice

TRIAL = Notice(
    kind="alert",
    key="rootwatch-test",
    thread="rootwatch-test",
    severity="low",
    title="[low] Test of rootwatch's notices",
    reason="Somebody tries whether notices arrive here; nothing has happened",
    facts=(("What to do", "nothing"),),
    link=None,
    alert_id=None,
    lookup=None,
)
