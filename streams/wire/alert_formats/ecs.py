"""Alerts and session summaries as documents of the Elastic Common Schema.

Field names, types and allowed values are those of the ECS field reference (elastic.co/docs/reference/ecs). What ECS has
no field for is under ``rootwatch``, as in the native form: ECS leaves a name of one's own to whoever has one.
``docs/alerts.md`` has the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streams
from streams.fields.values import canonical_address
from streams.wire.alert import to_json_without_record
from streams.wire.alert_formats.recorded_call import recorded_call
from streams.wire.alert_formats.sparse import distinct, sparse, text_of
from streams.wire.sessions.published import SUMMARY
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "9.5.0"
"""The version of ECS; every field that is used is in it."""

FRAMEWORK = "MITRE ATT&CK"

SEVERITIES = {"low": 1, "medium": 2, "high": 3, "critical": 4}
"""``event.severity`` of each word; a word that is not here counts as the most serious one."""


def alert_document(alert: Mapping[str, Any], *, overflow: bool) -> dict[str, Any]:
    """Return an alert as an ECS document of ``event.kind`` alert.

    Args:
        alert: the alert, with every field of ``schemas/alert.avsc``.
        overflow: whether it is above the cap (A3) or of a rule that remembers no more.
    """
    rule, event, principal = alert["rule"], alert["event"], alert["principal"]
    address, ip = event["source_ip"], canonical_address(event["source_ip"] or "")
    return {
        "@timestamp": to_iso8601(event["time"]),
        "message": alert["reason"],
        "ecs": {"version": VERSION},
        "event": _event(alert, overflow=overflow),
        "rule": sparse(
            id=rule["id"],
            name=rule["name"],
            version=text_of(rule["version"]),
            reference=next(iter(rule["references"]), None),
        ),
        "cloud": sparse(
            provider="aws",
            account=sparse(id=principal["account_id"]),
            region=event["region"],
            target=_target(None if alert["member_account"] is None else alert["member_account"]["id"]),
        ),
        "observer": _observer(),
        "rootwatch": {"overflow": overflow, **to_json_without_record(alert)},
        **sparse(
            tags=rule["tags"],
            threat=_threat(rule["threat"]),
            user=sparse(
                id=principal["arn"],
                name=principal["user_name"],
                target=sparse(id=event["target_principal"]),
            ),
            source=_source(address, ip, alert["geo"]),
            user_agent=sparse(original=event["user_agent"]),
            related=_related(
                ip,
                principal["arn"],
                principal["recorded_arn"],
                principal["user_name"],
                principal["session_issuer_arn"],
                principal["session_name"],
                principal["source_identity"],
            ),
        ),
    }


def summary_document(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session summary as an ECS document of ``event.kind`` event; ``event.sequence`` is its revision.

    Args:
        summary: the summary, with every field of ``schemas/session_summary.avsc``.
    """
    grant = summary["grant"]
    ip = canonical_address(grant["source_ip"] or "")
    closed_at = summary["closed_at"]
    return {
        "@timestamp": to_iso8601(grant["expires_at"] if closed_at is None else closed_at),
        "message": summary["reason"],
        "ecs": {"version": VERSION},
        "event": sparse(
            kind="event",
            category=["session"],
            type=["end"],
            module="rootwatch",
            dataset="rootwatch.sessions",
            id=summary["session_id"],
            sequence=summary["revision"],
            action="root-session",
            created=_time(closed_at),
            start=to_iso8601(grant["time"]),
            end=_time(summary["last_action_at"]),
            severity=_severity(summary["severity"]),
            reason=summary["reason"],
        ),
        "rule": {"id": summary["rule_id"]},
        "cloud": {"provider": "aws", "target": _target(grant["member_account"])},
        "observer": _observer(),
        "rootwatch": SUMMARY.to_json(summary),
        **sparse(
            user=sparse(id=grant["principal"]),
            source=_source(grant["source_ip"], ip, None),
            related=_related(ip, grant["principal"]),
        ),
    }


def _event(alert: Mapping[str, Any], *, overflow: bool) -> dict[str, Any]:
    call = recorded_call(alert["record"])
    return sparse(
        kind="alert",
        category=["intrusion_detection"],
        type=["info"],
        module="rootwatch",
        dataset="rootwatch.overflow" if overflow else "rootwatch.alerts",
        id=alert["alert_id"],
        action=call.action,
        provider=call.provider,
        created=_time(alert["detected_at"]),
        severity=_severity(alert["rule"]["severity"]),
        risk_score=alert["rule"]["risk_score"],
        reason=alert["reason"],
        original=alert["record"],
    )


def _severity(word: str) -> int:
    return SEVERITIES.get(word, max(SEVERITIES.values()))


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else to_iso8601(milliseconds)


def _target(account: str | None) -> dict[str, Any]:
    return sparse(account=sparse(id=account), provider="aws") if account else {}


def _observer() -> dict[str, Any]:
    return {"product": "rootwatch", "version": streams.__version__}


def _threat(entries: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Lists by field, as ECS has them: the first id belongs to the first name, and each is named once."""
    if not entries:
        return {}
    tactics = {entry["tactic_id"]: entry["tactic_name"] for entry in entries}
    techniques = {entry["technique_id"]: entry["technique_name"] for entry in entries}
    subtechniques = {
        entry["subtechnique_id"]: entry["subtechnique_name"] or ""
        for entry in entries
        if entry["subtechnique_id"] is not None
    }
    whole = [entry["reference"] for entry in entries if entry["subtechnique_id"] is None]
    parts = [entry["reference"] for entry in entries if entry["subtechnique_id"] is not None]
    return sparse(
        framework=FRAMEWORK,
        tactic=_named(tactics, []),
        technique=sparse(**_named(techniques, whole), subtechnique=_named(subtechniques, parts)),
    )


def _named(names: Mapping[str, str], references: list[str]) -> dict[str, Any]:
    return sparse(id=list(names), name=list(names.values()), reference=distinct(references))


def _source(address: str | None, ip: str | None, geo: Mapping[str, Any] | None) -> dict[str, Any]:
    """The caller's address; ``ip`` is none where CloudTrail has the name of an AWS service."""
    if geo is None:
        return sparse(address=address, ip=ip)
    return sparse(
        address=address,
        ip=ip,
        geo=sparse(country_iso_code=geo["country"], city_name=geo["city"], location=geo["location"]),
        **{"as": sparse(number=geo["asn"], organization=sparse(name=geo["organization"]))},
    )


def _related(ip: str | None, *users: str | None) -> dict[str, Any]:
    return sparse(ip=distinct([ip]), user=distinct(users))
