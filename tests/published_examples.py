"""An alert and a session summary in which no field is empty, and documents of them as paths with values."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastavro.schema import expand_schema

from streams.wire.schemas import newest

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERT: dict[str, Any] = json.loads((Path(__file__).parent / "wire" / "samples" / "alert.json").read_text()) | {
    "geo": {
        "country": "DE",
        "city": "Berlin",
        "location": "52.52,13.405",
        "asn": 64496,
        "organization": "Example Networks",
    }
}
_ROLE = "arn:aws:iam::111111111111:role/admin"
ALERT["principal"] = {
    "arn": _ROLE,
    "recorded_arn": "arn:aws:sts::111111111111:assumed-role/admin/alice",
    "type": "AssumedRole",
    "account_id": "111111111111",
    "user_name": "admin",
    "session_issuer_arn": f"{_ROLE}/issuer",
    "session_name": "alice",
    "access_key_id": "ASIAIOSFODNN7CALLER0",
    "mfa_authenticated": True,
    "source_identity": "alice@example.com",
}
ALERT["novelty"]["learning_ended_at"] = 1_762_000_000_000
ALERT["rule"]["threat"].append(
    ALERT["rule"]["threat"][0]
    | {
        "tactic_id": "TA0003",
        "tactic_name": "Persistence",
        "technique_id": "T1098",
        "technique_name": "Account Manipulation",
        "subtechnique_id": None,
        "subtechnique_name": None,
        "reference": "https://attack.mitre.org/techniques/T1098/",
    }
)
ALERT["event"] |= {
    "shared_event_id": "0f1f6d9e-6a4b-4c9b-8b67-0fa25f1f2a11",
    "recipient_account_id": "999999999999",
    "target_principal": "arn:aws:iam::222222222222:root",
    "target_policy": "policy",
    "resources": [{"arn": "arn:aws:iam::222222222222:root", "type": "AWS::IAM::User", "account_id": "222222222222"}],
}

SUMMARY: dict[str, Any] = {
    "session_id": "3f1cb2a4-90ec-5c0e-8e0e-0a4b8a35a5c4",
    "rule_id": "aws-sts-assume-root-rare-pair",
    "alert_id": ALERT["alert_id"],
    "revision": 1,
    "grant": {
        "event_id": ALERT["event"]["id"],
        "time": 1_772_442_840_000,
        "expires_at": 1_772_443_740_000,
        "principal": _ROLE,
        "member_account": "222222222222",
        "issued_access_key_id": "ASIAIOSFODNN7EXAMPLE",
        "task_policy": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
        "source_ip": "198.51.100.7",
    },
    "actions": [{"source": "s3.amazonaws.com", "name": "DeleteBucketPolicy", "outcome": "success", "count": 2}],
    "resources": [{"arn": "arn:aws:s3:::bucket", "type": "AWS::S3::Bucket", "account_id": "222222222222"}],
    "first_action_at": 1_772_442_900_000,
    "last_action_at": 1_772_442_960_000,
    "severity": "high",
    "reason": "deleted a bucket policy",
    "cut": ["resources"],
    "closed_at": 1_772_445_000_000,
}

# What must stay of its kind to show in a document, or what a table tells apart.
_OTHER_VALUES = {
    "event.source_ip": "203.0.113.9",
    "grant.source_ip": "203.0.113.9",
    "geo.location": "-1.5,2.25",
    "rule.severity": "high",
    "severity": "medium",
    "principal.type": "IAMUser",
    "revision": 0,
    "record": ALERT["record"].replace("AssumeRoot", "GetUser").replace("sts.", "iam."),
}


def leaves(name: str) -> Iterator[str]:
    """The paths of a schema's fields that hold no fields themselves; lists are left out of paths."""
    yield from _leaves(expand_schema(newest(name)), "")


def _leaves(schema: Any, path: str) -> Iterator[str]:
    match schema:
        case ["null", other] | {"type": "array", "items": other}:
            yield from _leaves(other, path)
        case {"type": "record", "fields": fields}:
            for field in fields:
                yield from _leaves(field["type"], f"{path}.{field['name']}".lstrip("."))
        case _:
            yield path


def changed(value: dict[str, Any], path: str) -> dict[str, Any]:
    """The value with other values at a path: in each entry of a list on the way, if they are not null."""
    found = copy.deepcopy(value)
    *way, last = path.split(".")
    places: list[Any] = [found]
    for name in way:
        inner = [place[name] for place in places]
        places = [entry for each in inner for entry in (each if isinstance(each, list) else [each])]
    for place in places:
        old = place[last]
        place[last] = [_other(path, old[0]), *old[1:]] if isinstance(old, list) else _other(path, old)
    assert found != value, path
    return found


def _other(path: str, old: Any) -> Any:
    if path in _OTHER_VALUES:
        return _OTHER_VALUES[path]
    if isinstance(old, bool) or old is None:
        return None if old is None else not old
    return old + 1_000 if isinstance(old, int) else f"{old}-other"


def flat(document: Any, path: str = "", *, whole: str = "") -> dict[str, list[Any]]:
    """The values of a document by path; lists are left out of paths, and what is at ``whole`` is one value."""
    if path == whole and path:
        return {path: [document]}
    if isinstance(document, dict):
        found: dict[str, list[Any]] = {}
        for name, value in document.items():
            for inner, values in flat(value, f"{path}.{name}".lstrip("."), whole=whole).items():
                found.setdefault(inner, []).extend(values)
        return found
    if isinstance(document, list):
        found = {}
        for value in document:
            for inner, values in flat(value, path, whole=whole).items():
                found.setdefault(inner, []).extend(values)
        return found
    return {path: [document]}
