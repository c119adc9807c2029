"""The objects of OCSF that a finding is made of: who called what from where, on which resources."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from streams.fields.values import canonical_address
from streams.wire.alert_formats.sparse import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.wire.alert_formats.recorded_call import Call

PROVIDER = "AWS"
API_CALL = "AWS API Call via CloudTrail"
"""The type of a related event that is a CloudTrail record: EventBridge calls it so."""

FINDING = "Detection Finding: Create"

USER_TYPES = {"IAMUser": (1, "User"), "Root": (2, "Admin"), "AWSService": (4, "Service")}
"""``type_id`` of a user and its caption, by CloudTrail's type; another type is 99 (Other), with the type itself."""

_OTHER = 99
_AWS_ACCOUNT = (10, "AWS Account")
_TARGET = (1, "Target")
# Kinds of observables.
_ADDRESS, _USER_NAME, _RESOURCE, _USER_AGENT, _CREDENTIAL, _USER, _ACCOUNT = 2, 4, 10, 16, 19, 31, 35


def attack(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of ``rule.threat``; its page is that of the sub-technique, if it names one."""
    has_part = entry["subtechnique_id"] is not None
    technique = sparse(
        uid=entry["technique_id"],
        name=entry["technique_name"],
        src_url=None if has_part else entry["reference"],
    )
    part = sparse(uid=entry["subtechnique_id"], name=entry["subtechnique_name"], src_url=entry["reference"])
    return {
        "tactic": {"uid": entry["tactic_id"], "name": entry["tactic_name"]},
        "technique": {"uid": entry["technique_id"], **technique},
        **({"sub_technique": {"uid": entry["subtechnique_id"], **part}} if has_part else {}),
    }


def cloud(account: str | None, region: str | None) -> dict[str, Any]:
    """Return where in AWS the event is from."""
    return {"provider": PROVIDER, **sparse(account=_account(account), region=region)}


def resources(target: str | None, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the member account as the target, and the recorded resources, each once.

    A resource without an ARN is known by its account. One with neither is left out: OCSF takes none without an id.
    """
    found: dict[str, dict[str, Any]] = {}
    if target:
        role_id, role = _TARGET
        found[target] = {"uid": target, "type": "AWS::Account", "role_id": role_id, "role": role}
    for entry in entries:
        if uid := entry["arn"] or entry["account_id"]:
            found.setdefault(uid, {"uid": uid, **sparse(type=entry["type"], owner=_owner(entry["account_id"]))})
    return list(found.values())


def alert_evidences(alert: Mapping[str, Any], call: Call) -> list[dict[str, Any]]:
    """Return the call as evidence, in a list; an empty list if the record has nothing of it."""
    principal, event = alert["principal"], alert["event"]
    user = sparse(
        uid=principal["arn"],
        name=principal["user_name"],
        account=_account(principal["account_id"]),
    )
    if user:
        user |= {**_user_type(principal["type"]), **sparse(has_mfa=principal["mfa_authenticated"])}
    session = sparse(
        uid=principal["session_name"],
        issuer=principal["session_issuer_arn"],
        credential_uid=principal["access_key_id"],
        is_mfa=principal["mfa_authenticated"],
    )
    request = sparse(uid=event["request_id"])
    evidence = sparse(
        actor=sparse(user=user, session=session),
        api=sparse(operation=call.action, service=sparse(name=call.provider), request=request) if call.action else None,
        src_endpoint=_endpoint(event["source_ip"], alert["geo"]),
    )
    if not evidence:
        return []
    return [evidence | sparse(http_request=sparse(user_agent=event["user_agent"]))]


def summary_evidences(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return who took root, and then one evidence per call and outcome, with how many there were."""
    grant = summary["grant"]
    session = {
        "credential_uid": grant["issued_access_key_id"],
        "created_time": grant["time"],
        "expiration_time": grant["expires_at"],
    }
    taken = {
        "actor": {"user": {"uid": grant["principal"]}, "session": session},
        **sparse(src_endpoint=_endpoint(grant["source_ip"], None)),
    }
    return [taken, *(_action(action) for action in summary["actions"])]


def alert_observables(alert: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what to search other data for."""
    principal, event, member = alert["principal"], alert["event"], alert["member_account"]
    found = [
        _observable("evidences[].actor.user.uid", _USER, principal["arn"]),
        _observable("evidences[].actor.user.name", _USER_NAME, principal["user_name"]),
        _observable("evidences[].actor.user.account.uid", _ACCOUNT, principal["account_id"]),
        _observable("evidences[].actor.session.credential_uid", _CREDENTIAL, principal["access_key_id"]),
        _observable("evidences[].src_endpoint.ip", _ADDRESS, canonical_address(event["source_ip"] or "")),
        _observable("evidences[].http_request.user_agent", _USER_AGENT, event["user_agent"]),
        _observable("resources[].uid", _RESOURCE, None if member is None else member["id"]),
        _observable("unmapped.rootwatch.event.issued_access_key_id", _CREDENTIAL, event["issued_access_key_id"]),
    ]
    return [observable for observable in found if observable is not None]


def summary_observables(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what to search other data for."""
    grant = summary["grant"]
    found = [
        _observable("evidences[].actor.user.uid", _USER, grant["principal"]),
        _observable("evidences[].actor.session.credential_uid", _CREDENTIAL, grant["issued_access_key_id"]),
        _observable("evidences[].src_endpoint.ip", _ADDRESS, canonical_address(grant["source_ip"] or "")),
        _observable("resources[].uid", _RESOURCE, grant["member_account"]),
    ]
    return [observable for observable in found if observable is not None]


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api": {"operation": action["name"], "service": {"name": action["source"]}},
        "data": {"outcome": action["outcome"], "count": action["count"]},
    }


def _account(account: str | None) -> dict[str, Any]:
    type_id, caption = _AWS_ACCOUNT
    return {"uid": account, "type_id": type_id, "type": caption} if account else {}


def _owner(account: str | None) -> dict[str, Any]:
    return sparse(account=_account(account))


def _user_type(recorded: str | None) -> dict[str, Any]:
    if not recorded:
        return {}
    type_id, caption = USER_TYPES.get(recorded, (_OTHER, recorded))
    return {"type_id": type_id, "type": caption}


def _endpoint(address: str | None, geo: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the caller's address, or the AWS service that CloudTrail names in its place."""
    if not address:
        return {}
    ip = canonical_address(address)
    endpoint: dict[str, Any] = {"ip": ip} if ip else {"svc_name": address}
    if geo is None:
        return endpoint
    network = sparse(number=geo["asn"], name=geo["organization"])
    return endpoint | sparse(location=_location(geo), autonomous_system=network)


def _location(geo: Mapping[str, Any]) -> dict[str, Any]:
    """Return country, city and coordinates; OCSF takes no coordinates alone."""
    place = sparse(country=geo["country"], city=geo["city"])
    if not place:
        return {}
    try:
        latitude, longitude = (float(part) for part in (geo["location"] or "").split(","))
    except ValueError:
        return place
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return place
    return {**place, "lat": latitude, "long": longitude}


def _observable(name: str, kind: int, value: str | None) -> dict[str, Any] | None:
    return {"name": name, "type_id": kind, "value": value} if value else None
