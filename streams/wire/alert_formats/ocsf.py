"""Alerts and session summaries as Detection Findings of OCSF, class 2004, with the profile ``cloud``.

Attributes and values are those of the schema (schema.ocsf.io). What it has no attribute for is under
``unmapped.rootwatch``, as in the native form. ``docs/alerts.md`` has the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streams
from streams.wire.alert import to_json_without_record
from streams.wire.alert_formats import ocsf_objects as objects
from streams.wire.alert_formats.ocsf_objects import API_CALL
from streams.wire.alert_formats.recorded_call import recorded_call
from streams.wire.alert_formats.sparse import sparse, text_of
from streams.wire.sessions.published import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1.9.0"
"""The version of OCSF; every attribute that is used is in 1.8.0, too."""

CATEGORY, CLASS = 2, 2004
CREATE, UPDATE = 1, 2
ACTIVITIES = {CREATE: "Create", UPDATE: "Update"}
SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
"""``severity_id`` and its caption of each word; another word is 99 (Other), with the word itself."""

_OTHER = 99
_RULE = 1
_NEW = 1


def alert_finding(alert: Mapping[str, Any], *, overflow: bool) -> dict[str, Any]:
    """Return an alert as a finding that was created; ``is_alert`` is false for overflow.

    Args:
        alert: the alert, with every field of ``schemas/alert.avsc``.
        overflow: whether it is above the cap (A3) or of a rule that remembers no more.
    """
    rule, event = alert["rule"], alert["event"]
    call = recorded_call(alert["record"])
    member = alert["member_account"]
    return {
        **_head(CREATE, rule["severity"], alert["reason"]),
        "time": event["time"],
        "is_alert": not overflow,
        "risk_score": rule["risk_score"],
        "metadata": {
            **_metadata(alert["alert_id"]),
            **sparse(
                original_event_uid=event["id"],
                event_code=call.action,
                labels=rule["tags"],
                processed_time=alert["detected_at"],
            ),
        },
        "finding_info": sparse(
            uid=alert["alert_id"],
            title=rule["name"],
            desc=alert["reason"],
            types=[alert["novelty"]["kind"]],
            analytic={**sparse(name=rule["name"]), **_analytic(rule["id"]), "version": text_of(rule["version"])},
            attacks=[objects.attack(entry) for entry in rule["threat"]],
            first_seen_time=alert["novelty"]["first_seen"],
            last_seen_time=event["time"],
            created_time=alert["detected_at"],
            src_url=next(iter(rule["references"]), None),
            related_events=[sparse(uid=event["id"], type=API_CALL)],
        ),
        "cloud": objects.cloud(event["recipient_account_id"], event["region"]),
        "raw_data": alert["record"],
        "unmapped": {"rootwatch": {"overflow": overflow, **to_json_without_record(alert)}},
        **sparse(
            evidences=objects.alert_evidences(alert, call),
            resources=objects.resources(None if member is None else member["id"], event["resources"]),
            observables=objects.alert_observables(alert),
        ),
    }


def summary_finding(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session summary as a finding: created by its first revision, updated by later ones.

    Args:
        summary: the summary, with every field of ``schemas/session_summary.avsc``.
    """
    grant, closed_at, revision = summary["grant"], summary["closed_at"], summary["revision"]
    alert_id, first, last = summary["alert_id"], summary["first_action_at"], summary["last_action_at"]
    related = [] if alert_id is None else [{"uid": alert_id, "type": objects.FINDING}]
    return {
        **_head(CREATE if revision <= 0 else UPDATE, summary["severity"], summary["reason"]),
        "time": grant["expires_at"] if closed_at is None else closed_at,
        "metadata": {
            **_metadata(f"{summary['session_id']}:{revision}"),
            "sequence": revision,
            **sparse(original_event_uid=grant["event_id"], processed_time=closed_at),
        },
        "finding_info": sparse(
            uid=summary["session_id"],
            title=f"Root session in {grant['member_account']}",
            desc=summary["reason"],
            types=["root-session"],
            analytic=_analytic(summary["rule_id"]),
            first_seen_time=grant["time"] if first is None else first,
            last_seen_time=grant["time"] if last is None else last,
            modified_time=closed_at,
            related_events=[*related, {"uid": grant["event_id"], "type": API_CALL}],
        ),
        "cloud": objects.cloud(grant["member_account"], None),
        "unmapped": {"rootwatch": SUMMARY.to_json(summary)},
        **sparse(
            resources=objects.resources(grant["member_account"], summary["resources"]),
            evidences=objects.summary_evidences(summary),
            observables=objects.summary_observables(summary),
        ),
    }


def _head(activity: int, severity: str, message: str) -> dict[str, Any]:
    """What a finding is: its class, activity, severity and status."""
    severity_id, caption = SEVERITIES.get(severity, (_OTHER, severity))
    name = ACTIVITIES[activity]
    return {
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity,
        "activity_name": name,
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Detection Finding: {name}",
        "severity_id": severity_id,
        "severity": caption,
        "status_id": _NEW,
        "status": "New",
        "message": message,
    }


def _metadata(uid: str) -> dict[str, Any]:
    product = {"name": "rootwatch", "vendor_name": "rootwatch", "version": streams.__version__}
    return {"version": VERSION, "product": product, "uid": uid, "profiles": ["cloud"]}


def _analytic(rule_id: str) -> dict[str, Any]:
    return {"uid": rule_id, "type_id": _RULE, "type": "Rule"}
