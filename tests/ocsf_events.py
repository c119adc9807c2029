"""OCSF events as AWS makes them of CloudTrail records, written after its tables and not after the code under test.

The tables are in https://github.com/ocsf/examples (``mappings/markdown/AWS``, and its history for 1.0.0-rc.2).
"""

from __future__ import annotations

import copy
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST, SECOND = "1.0.0-rc.2", "1.1.0"
"""The versions of OCSF of Security Lake's source versions 1 and 2."""
VERSIONS = (FIRST, SECOND)

API_ACTIVITY, AUTHENTICATION, ACCOUNT_CHANGE = "API Activity", "Authentication", "Account Change"
_CLASS_UIDS = {
    FIRST: {API_ACTIVITY: 3005, AUTHENTICATION: 3002, ACCOUNT_CHANGE: 3001},
    SECOND: {API_ACTIVITY: 6003, AUTHENTICATION: 3002, ACCOUNT_CHANGE: 3001},
}


def ocsf(record: Mapping[str, Any], version: str = SECOND, class_name: str = API_ACTIVITY) -> dict[str, Any]:
    """The event that Security Lake makes of a record."""
    left = copy.deepcopy(dict(record))
    take = _Taker(left)
    is_first = version == FIRST
    class_uid = _CLASS_UIDS[version][class_name]
    who = "userIdentity"
    session = f"{who}.sessionContext"
    time, created = take("eventTime"), take(f"{session}.attributes.creationDate")
    mfa = take(f"{session}.attributes.mfaAuthenticated")
    arn, principal_id, account = take(f"{who}.arn"), take(f"{who}.principalId"), take(f"{who}.accountId")
    address = take("sourceIPAddress") or ""
    event: dict[str, Any] = {
        "class_uid": class_uid,
        "class_name": class_name,
        "category_uid": class_uid // 1000,
        "activity_id": 99,
        "activity_name": "Other",
        "type_uid": class_uid * 100 + 99,
        "severity_id": 1,
        "severity": "Informational",
        "time": _milliseconds(time),
        "metadata": {
            "version": version,
            "uid": take("eventID"),
            "profiles": ["cloud"] if is_first else ["cloud", "datetime"],
            "product": {
                "name": "CloudTrail",
                "vendor_name": "AWS",
                "version": take("eventVersion"),
                "feature": {"name": take("eventCategory")},
            },
            "event_code": None if is_first else take("eventType"),
        },
        "cloud": {"provider": "AWS", "region": take("awsRegion")},
        "api": {
            "operation": take("eventName"),
            "version": take("apiVersion"),
            "service": {"name": take("eventSource")},
            "request": {"uid": take("requestID")},
            "response": {"error": take("errorCode"), "message": take("errorMessage")},
        },
        "actor": {
            "user": {
                "type": take(f"{who}.type"),
                "name": take(f"{who}.userName"),
                "credential_uid": take(f"{who}.accessKeyId"),
                **(
                    {"uid": principal_id, "uuid": arn, "account_uid": account}
                    if is_first
                    else {"uid": arn, "uid_alt": principal_id, "account": {"uid": account}}
                ),
            },
            "session": {
                "created_time": created and _milliseconds(created),
                "issuer": take(f"{session}.sessionIssuer.arn"),
                "mfa" if is_first else "is_mfa": mfa and mfa == "true",
            },
            "invoked_by": take(f"{who}.invokedBy"),
            "idp": {
                "name": take(f"{session}.webIdFederationData.federatedProvider") or take(f"{who}.identityProvider")
            },
        },
        "http_request": {"user_agent": take("userAgent")},
        "src_endpoint": {
            "uid": take("vpcEndpointId"),
            "ip" if address[:1].isdigit() or ":" in address else "domain": address or None,
        },
        "resources": [_resource(entry, is_first=is_first) for entry in take("resources") or ()],
        "status": "Failure" if event_failed(record) else "Success",
    }
    if is_first:
        event["status_id"] = 2 if event_failed(record) else 1
    else:
        event["time_dt"] = time
        event["observables"] = [{"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": address}]
        for name, side in (("requestParameters", "request"), ("responseElements", "response")):
            if (data := take(name)) is not None:
                event["api"][side]["data"] = json.dumps(data)
    _use_up(event, take, class_name, is_first=is_first)
    event["unmapped"] = _texts(left)
    return _without_nulls(event)


def event_failed(record: Mapping[str, Any]) -> bool:
    return bool(record.get("errorCode") or record.get("errorMessage"))


def _use_up(event: dict[str, Any], take: _Taker, class_name: str, *, is_first: bool) -> None:
    """What the other two classes take out of ``unmapped``."""
    operation = event["api"]["operation"]
    if class_name == AUTHENTICATION:
        used = take("additionalEventData.MFAUsed")
        event["mfa" if is_first else "is_mfa"] = None if used is None else used == "Yes"
        event["dst_endpoint"] = {"svc_name": take("additionalEventData.LoginTo")}
        if is_first and operation == "ConsoleLogin":
            event["status"] = take("responseElements.ConsoleLogin")
        if is_first:
            event["user"] = {
                "uuid": take("requestParameters.roleArn"),
                "name": take("requestParameters.roleSessionName"),
            }
    elif class_name == ACCOUNT_CHANGE and is_first:
        name = take("requestParameters.userName") or take("requestParameters.roleName")
        event["user"] = {"name": name}


class _Taker:
    """Takes fields out of a record, by their path; what is left is unmapped."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._record = record

    def __call__(self, path: str) -> Any:
        *parents, last = path.split(".")
        place: Any = self._record
        for parent in parents:
            place = place.get(parent)
            if not isinstance(place, dict):
                return None
        return place.pop(last, None)


def _resource(entry: Mapping[str, Any], *, is_first: bool) -> dict[str, Any]:
    account = entry.get("accountId")
    return {
        "uid": entry.get("ARN"),
        "type": entry.get("type"),
        **({"account_uid": account} if is_first else {"account": {"uid": account}}),
    }


def _milliseconds(time: Any) -> int | None:
    try:
        return round(datetime.fromisoformat(time).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _texts(left: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The map of ``unmapped``: a path and a text per leaf. How AWS writes lists is not documented; here as JSON."""
    flat: dict[str, str] = {}
    for name, value in left.items():
        if isinstance(value, dict):
            flat |= _texts(value, f"{prefix}{name}.")
        elif value is not None:
            flat[prefix + name] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
