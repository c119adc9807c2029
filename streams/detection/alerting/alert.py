"""The alert of a sighting, its fields by ``schemas/alert.avsc`` (A5), and its id (A1).

The worker writes most of an alert as the sighting's own bytes, so the fields are made only where they are asked for.
Each is written out, in the schema's order: ``dataclasses.asdict`` copies deeply and took half of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

from streams.content.ascii_json import texts_in_ascii
from streams.content.uuid_text import uuid5_text
from streams.detection.alerting import reason, task_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.detection.novelty import Novelty
    from streams.extraction.sighting import AnySighting, Identity, Origin, Resource, Sighting
    from streams.rules.rule import Rule, Threat

_NAMESPACE = uuid5(NAMESPACE_URL, "rootwatch").bytes
_RULES: dict[int, tuple[Rule, dict[str, Any]]] = {}  # what was made of rules, by the identity of each
_MOST_RULES = 1_000


class Alert(Struct, frozen=True, gc=False):
    """An alert.

    Attributes:
        id: its id.
        sighting: the sighting that alerts.
        novelty: why the sighting is new.
        rule: the rule that fires.
        task_policy_risk: what the task policy allows, in words; ``None`` if the call names no policy.
        reason: one sentence that says why.
    """

    id: str
    sighting: AnySighting
    novelty: Novelty
    rule: Rule
    task_policy_risk: str | None
    reason: str

    def fields(self, detected_at: int | None = None, geo: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return plain values by the names of ``schemas/alert.avsc``; timestamps are milliseconds since the epoch.

        ``rule`` is the same dict in all alerts of the rule, so nobody may change it.

        Args:
            detected_at: when the worker made the alert; ``None`` in a backtest.
            geo: where the source address is; ``None`` if that is not known.
        """
        sighting = self.sighting.decoded()
        return {
            "alert_id": self.id,
            "rule": rule_fields(self.rule),
            "reason": self.reason,
            "terms": [{"field": term.field, "value": term.value} for term in sighting.terms],
            "mapping_version": sighting.mapping_version,
            "novelty": _novelty(self.novelty),
            "principal": _principal(sighting.principal, sighting.identity),
            "member_account": None
            if sighting.member_account is None
            else {"id": sighting.member_account, "source": sighting.member_account_source},
            "event": _event(sighting, self.task_policy_risk),
            "geo": geo,
            "origin": None if sighting.origin is None else _origin(sighting.origin),
            "detected_at": detected_at,
            "record": sighting.record,
        }


def alert_id(sighting: AnySighting) -> str:
    """Return the id of this sighting's alert: the same input always gives the same id (A1)."""
    name = texts_in_ascii([sighting.rule_id, *[term.value for term in sighting.terms], sighting.event.id])
    return uuid5_text(_NAMESPACE, name)


def compose(identifier: str, sighting: AnySighting, novelty: Novelty, rule: Rule) -> Alert:
    """Compose the alert.

    Args:
        identifier: the alert's id.
        sighting: the sighting that alerts.
        novelty: why the sighting is new.
        rule: the rule that fires.
    """
    risk = task_policy.risk(sighting.event.task_policy, rule.task_policies)
    return Alert(identifier, sighting, novelty, rule, risk, reason.sentence(sighting, novelty, rule, risk))


def rule_fields(rule: Rule) -> dict[str, Any]:
    """Return the fields of a rule: the same dict each time, so nobody may change it."""
    made = _RULES.get(id(rule))
    if made is None or made[0] is not rule:
        if len(_RULES) >= _MOST_RULES:
            _RULES.clear()
        made = _RULES[id(rule)] = (rule, _made_rule(rule))
    return made[1]


def _made_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "version": rule.version,
        "severity": rule.severity,
        "risk_score": rule.risk_score,
        "tags": list(rule.tags),
        "threat": [_threat(threat) for threat in rule.threat],
        "references": list(rule.references),
    }


def _threat(threat: Threat) -> dict[str, Any]:
    return {
        "tactic_id": threat.tactic_id,
        "tactic_name": threat.tactic_name,
        "technique_id": threat.technique_id,
        "technique_name": threat.technique_name,
        "subtechnique_id": threat.subtechnique_id,
        "subtechnique_name": threat.subtechnique_name,
        "reference": threat.reference,
    }


def _novelty(novelty: Novelty) -> dict[str, Any]:
    return {
        "kind": novelty.kind,
        "first_seen": novelty.first_seen,
        "previous_seen": novelty.previous_seen,
        "gap_seconds": novelty.gap_seconds,
        "times_seen": novelty.times_seen,
        "principal_is_new": novelty.group_is_new,
        "principal_known_accounts": novelty.others.number,
        "learning_ended_at": novelty.learning_ended_at,
    }


def _principal(arn: str | None, identity: Identity) -> dict[str, Any]:
    return {
        "arn": arn,
        "recorded_arn": identity.recorded_arn,
        "type": identity.type,
        "account_id": identity.account_id,
        "user_name": identity.user_name,
        "session_issuer_arn": identity.session_issuer_arn,
        "session_name": identity.session_name,
        "access_key_id": identity.access_key_id,
        "mfa_authenticated": identity.mfa_authenticated,
        "source_identity": identity.source_identity,
    }


def _event(sighting: Sighting, task_policy_risk: str | None) -> dict[str, Any]:
    event = sighting.event
    return {
        "id": event.id,
        "shared_event_id": event.shared_event_id,
        "time": event.time,
        "region": event.region,
        "source_ip": event.source_ip,
        "user_agent": event.user_agent,
        "request_id": event.request_id,
        "recipient_account_id": event.recipient_account_id,
        "task_policy": event.task_policy,
        "task_policy_risk": task_policy_risk,
        "target_principal": event.target_principal,
        "target_policy": event.target_policy,
        "duration_seconds": event.duration_seconds,
        "resources": [_resource(resource) for resource in event.resources],
        "issued_access_key_id": event.issued_access_key_id,
        "issued_expires_at": event.issued_expires_at,
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {"arn": resource.arn, "type": resource.type, "account_id": resource.account_id}


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "timestamp": origin.timestamp,
    }
