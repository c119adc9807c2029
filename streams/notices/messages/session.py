"""What was done as root, in words for people, as a sequel to the notice of its alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.notices.messages.alert import subject
from streams.notices.messages.notice import Notice, joined, known_severity, short_name, stated
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.notices.messages.notice import Runbook, Threshold

_SHOWN = 8


def session_notice(summary: Mapping[str, Any], runbook: Runbook, threshold: Threshold) -> Notice | None:
    """The notice of a session's summary; ``None`` if nobody needs to hear of it.

    A session whose call raised no alert is told only if what was done is of high severity: most are daily work.

    Args:
        summary: as ``streams.wire.sessions.published.SUMMARY.read`` returns it.
        runbook: the link.
        threshold: what the summary's own severity must reach.
    """
    severity = known_severity(summary["severity"])
    alert_id, session_id, grant = summary["alert_id"], summary["session_id"], summary["grant"]
    if not threshold.passes(severity) or (alert_id is None and severity not in {"high", "critical"}):
        return None
    lookup = alert_id or grant["issued_access_key_id"]
    alerted = f"{subject([grant['principal'], grant['member_account']])}: {summary['rule_id']}"
    return Notice(
        kind="session",
        key=f"{session_id}:{summary['revision']}",
        thread=alert_id or session_id,
        severity=severity,
        title=f"[{severity}] What was done as root: {alerted}",
        reason=summary["reason"],
        facts=stated(
            {
                "Who": grant["principal"],
                "Account": grant["member_account"],
                "When": joined(to_iso8601(grant["time"]), "until " + to_iso8601(grant["expires_at"])),
                "Alert": f"{alert_id} ({alerted})" if alert_id else "none: the call itself was nothing new",
                "Calls": _calls(summary["actions"]),
                "Resources": _resources(summary["resources"]),
                "Revision": f"{summary['revision']}, a call arrived late" if summary["revision"] else None,
                "May do": grant["task_policy"] and short_name(grant["task_policy"]),
                "See": f"rootwatch session {lookup}",
            }
        ),
        link=runbook.link(summary["rule_id"], alert_id),
        alert_id=alert_id,
        lookup=lookup,
    )


def _calls(actions: Iterable[Mapping[str, Any]]) -> str:
    calls = [
        f"{action['name']} ({action['outcome']}, {action['count']} times)"
        if action["count"] > 1
        else f"{action['name']} ({action['outcome']})"
        for action in actions
    ]
    return _cut(calls) or "none was recorded, which does not mean that there were none"


def _resources(resources: Iterable[Mapping[str, Any]]) -> str:
    return _cut([str(resource["arn"]) for resource in resources if resource["arn"]])


def _cut(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return joined(*names[:_SHOWN], f"and {more} more" if more > 0 else None)
