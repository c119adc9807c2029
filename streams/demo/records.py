"""CloudTrail records as AWS writes them.

Fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html, and
for AssumeRoot https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from streams.demo.organisation import root_session

if TYPE_CHECKING:
    from streams.demo.organisation import Identity

Record = dict[str, Any]

REGION = "eu-central-1"
SESSION = timedelta(minutes=15)
_TASK_POLICIES = "arn:aws:iam::aws:policy/root-task"


def call(
    time: datetime, identity: Identity, what: str, parameters: dict[str, Any] | None = None, **fields: Any
) -> Record:
    """A record of one call.

    Args:
        time: when, UTC.
        identity: the ``userIdentity``.
        what: service and call, such as ``ec2.DescribeInstances``.
        parameters: the ``requestParameters``.
        fields: more fields, or other values of the usual ones.
    """
    service, _, name = what.partition(".")
    account = fields.get("recipientAccountId") or identity.get("accountId")
    when = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identifier = f"{when} {account} {identity.get('arn') or identity.get('invokedBy')} {what} {parameters}"
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": when,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.24",
        "userAgent": "aws-cli/2.27.1",
        "requestParameters": parameters,
        "responseElements": None,
        "requestID": str(uuid5(NAMESPACE_URL, f"request {identifier}")),
        "eventID": str(uuid5(NAMESPACE_URL, identifier)),
        "readOnly": name.startswith(("Describe", "Get", "List")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    } | fields


def assume_root(time: datetime, identity: Identity, account: str, task_policy: str, **fields: Any) -> Record:
    """A successful AssumeRoot on a member account with one of AWS's task policies."""
    parameters = {
        "targetPrincipal": account,
        "taskPolicyArn": {"arn": f"{_TASK_POLICIES}/{task_policy}"},
        "durationSeconds": int(SESSION.total_seconds()),
    }
    expires = time.astimezone(UTC) + SESSION
    credentials = {
        "accessKeyId": issued_key(time, account),
        "sessionToken": "EXAMPLEsessionTokenThatNeverLeavesTheWorker",
        "expiration": expires.strftime("%b %-d, %Y, %-I:%M:%S %p"),
    }
    return call(time, identity, "sts.AssumeRoot", parameters, responseElements={"credentials": credentials}) | fields


def done_as_root(
    time: datetime, opened: Record, what: str, parameters: dict[str, Any] | None = None, **fields: Any
) -> Record:
    """A record of one call in the session that an AssumeRoot call opened; the arguments are those of ``call``.

    It comes from the address of the session's caller.
    """
    account, credentials = opened["requestParameters"]["targetPrincipal"], opened["responseElements"]["credentials"]
    identity = root_session(account, credentials["accessKeyId"], opened["eventTime"])
    return call(time, identity, what, parameters, sourceIPAddress=opened["sourceIPAddress"]) | fields


def issued_key(time: datetime, account: str) -> str:
    """The access key id that AssumeRoot issues at this time in this account."""
    digest = hashlib.sha256(f"{time.isoformat()} {account}".encode()).hexdigest()
    return f"ASIA{digest[:9].upper()}EXAMPLE"
