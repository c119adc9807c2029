"""An alert in words for people: who, where, when, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.notices.messages.notice import Notice, joined, known_severity, short_name, stated
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.notices.messages.notice import Runbook

_SECONDS_A_DAY = 86_400


def alert_notice(alert: Mapping[str, Any], runbook: Runbook) -> Notice:
    """The notice of an alert, as ``streams.wire.alert.read_alert`` returns it."""
    rule, event, alert_id = alert["rule"], alert["event"], alert["alert_id"]
    severity = known_severity(rule["severity"])
    policy = event["task_policy"]
    return Notice(
        kind="alert",
        key=alert_id,
        thread=alert_id,
        severity=severity,
        title=f"[{severity}] {subject([term['value'] for term in alert['terms']])}: {rule['id']}",
        reason=alert["reason"],
        facts=stated(
            {
                "Who": _who(alert["principal"]),
                "Account": None if alert["member_account"] is None else alert["member_account"]["id"],
                "When": to_iso8601(event["time"]),
                "Alert": alert_id,
                "New": _new(alert["novelty"]),
                "From": _source(alert),
                "May do": policy and joined(short_name(policy), event["task_policy_risk"]),
                "Rule": f"{rule['name']}, version {rule['version']}, risk {rule['risk_score']}",
                **_other_terms(alert),
                "See": f"rootwatch session {alert_id}",
            }
        ),
        link=runbook.link(rule["id"], alert_id, tuple(rule["references"])),
        alert_id=alert_id,
        lookup=alert_id,
    )


def subject(terms: list[str]) -> str:
    """Whom it is about, on one line: the values of the terms, the first one before the others."""
    first, *others = [short_name(term) for term in terms]
    return f"{first} on {', '.join(others)}" if others else first


def _who(principal: Mapping[str, Any]) -> str | None:
    arn = principal["arn"]
    if arn is None:
        return None
    mfa = {True: "with MFA", False: "without MFA", None: None}[principal["mfa_authenticated"]]
    key = principal["access_key_id"] and f"key {principal['access_key_id']}"
    recorded = principal["recorded_arn"]
    session = f"as {recorded}" if recorded and recorded != arn else None
    details = joined(principal["type"], key, mfa, session)
    return f"{arn} ({details})" if details else str(arn)


def _new(novelty: Mapping[str, Any]) -> str:
    if novelty["kind"] == "first":
        is_new = novelty["principal_is_new"]
        others = "never seen before at all" if is_new else f"seen with {novelty['principal_known_accounts']} others"
        return f"never seen together; the first of them was {others}"
    if novelty["kind"] == "returned" and novelty["previous_seen"] is not None:
        days = (novelty["gap_seconds"] or 0) // _SECONDS_A_DAY
        last = to_iso8601(novelty["previous_seen"])
        return f"last seen {days} days before, {last}; {novelty['times_seen']} times so far"
    return str(novelty["kind"])


def _source(alert: Mapping[str, Any]) -> str:
    event, geo = alert["event"], alert["geo"] or {}
    place = joined(geo.get("city"), geo.get("country"), geo.get("organization"))
    address = f"{event['source_ip']} ({place})" if event["source_ip"] and place else event["source_ip"]
    return joined(address, event["region"], event["user_agent"])


def _other_terms(alert: Mapping[str, Any]) -> dict[str, str]:
    """The terms that no other line shows: of a rule that is not about principals and member accounts."""
    shown = {alert["principal"]["arn"], (alert["member_account"] or {}).get("id")}
    return {term["field"]: term["value"] for term in alert["terms"] if term["value"] not in shown}
