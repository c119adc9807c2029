from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from root_sessions import ADDRESS, GRANTED_AT, MINUTE, POLICIES, RULES, SECOND, action, grant

from streams.sessions.meaning.judgement import Judgement, judge

if TYPE_CHECKING:
    from streams.sessions.action import Action

END = GRANTED_AT + 15 * MINUTE
DELETE = f"{POLICIES}/IAMDeleteRootUserCredentials"
CREATE = f"{POLICIES}/IAMCreateRootUserPassword"
UNLOCK_QUEUE = f"{POLICIES}/SQSUnlockQueuePolicy"


def judged(one: Action, **of_grant: Any) -> Judgement:
    return judge(one, grant(**of_grant), RULES)


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (None, None, "success"),
        ("AccessDenied", "no policy allows it", "denied"),
        ("AccessDeniedException", None, "denied"),
        ("Client.UnauthorizedOperation", None, "denied"),
        ("Forbidden", None, "denied"),
        ("403 Forbidden", None, "denied"),
        ("NoSuchEntity", "Login Profile cannot be found", "failed"),
        ("NoSuchBucketPolicy", None, "failed"),
        ("accessdenied", None, "failed"),
        (None, "AccessDenied", "failed"),
    ],
)
def test_what_a_call_came_to(code: str | None, message: str | None, outcome: str) -> None:
    """S7, T2: the error code tells a denied call from one that failed; a message alone is a failure."""
    assert judged(action(error_code=code, error_message=message)).outcome == outcome


def test_an_error_that_was_too_long_is_one() -> None:
    """T2: a call whose error was too long to keep is no success."""
    assert judged(action(cut=("error_message",))).outcome == "failed"


@pytest.mark.parametrize(
    ("source", "name", "read_only", "kind"),
    [
        ("iam", "CreateLoginProfile", False, "persistence"),
        ("iam", "CreateLoginProfile", True, "persistence"),
        ("iam", "DeactivateMFADevice", False, "weakening"),
        ("iam", "GetLoginProfile", None, "read"),
        ("s3", "PutBucketPolicy", None, "write"),
        ("ec2", "DescribeInstances", True, "read"),
        ("ec2", "DescribeInstances", None, "write"),
        ("ec2", "RunInstances", False, "write"),
        ("evil", "CreateLoginProfile", False, "write"),
        ("sts", "GetCallerIdentity", True, "read"),
    ],
)
def test_kind_is_of_the_call_alone(source: str, name: str, read_only: bool | None, kind: str) -> None:  # noqa: FBT001  as recorded
    """S7: the table tells the kind of its calls; of all others what is not marked as read-only writes."""
    for code in (None, "AccessDenied", "NoSuchEntity"):
        assert judged(action(name, source=source, read_only=read_only, error_code=code)).kind == kind


def test_after_the_end_is_more_than_a_minute_past_it() -> None:
    """S7: exactly sixty seconds past the end is not after it."""
    assert [judged(action(time=END + past)).after_end for past in (0, 60 * SECOND, 60 * SECOND + 1)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("of_action", "of_grant", "same"),
    [
        (ADDRESS, ADDRESS, True),
        ("192.0.2.2", ADDRESS, False),
        ("2001:db8::1", "2001:DB8:0:0::1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("cloudformation.amazonaws.com", ADDRESS, None),
        (ADDRESS, "AWS Internal", None),
        ("AWS Internal", "AWS Internal", None),
        (None, ADDRESS, None),
        (ADDRESS, None, None),
    ],
)
def test_whether_the_address_is_the_callers(of_action: str | None, of_grant: str | None, same: bool | None) -> None:  # noqa: FBT001  as the contract has it
    """S7: addresses are compared as addresses; a service's name, or none, is neither the same nor another."""
    assert judged(action(source_ip=of_action), source_ip=of_grant).same_source_ip is same


def queue(**attributes: Any) -> str:
    return json.dumps({"queueUrl": "https://sqs.eu-central-1.amazonaws.com/1/q", "attributes": attributes})


SEVERITIES: dict[str, tuple[Action, str, str]] = {
    "recovery of the password": (action("CreateLoginProfile", source="iam"), CREATE, "high"),
    "recovery, denied": (action("CreateLoginProfile", source="iam", error_code="AccessDenied"), CREATE, "medium"),
    "recovery, failed": (action("CreateLoginProfile", source="iam", error_code="EntityAlreadyExists"), CREATE, "low"),
    "a bucket policy replaced": (action("PutBucketPolicy"), grant().task_policy or "", "high"),
    "a bucket policy deleted": (action("DeleteBucketPolicy"), grant().task_policy or "", "medium"),
    "a bucket policy missing": (
        action("GetBucketPolicy", error_code="NoSuchBucketPolicy"),
        grant().task_policy or "",
        "low",
    ),
    "buckets listed": (action("ListBuckets"), grant().task_policy or "", "low"),
    "a queue policy replaced": (
        action("SetQueueAttributes", source="sqs", request_parameters=queue(Policy="{}")),
        UNLOCK_QUEUE,
        "high",
    ),
    "a queue policy removed": (
        action("SetQueueAttributes", source="sqs", request_parameters=queue(Policy="")),
        UNLOCK_QUEUE,
        "medium",
    ),
    "another attribute of a queue": (
        action("SetQueueAttributes", source="sqs", request_parameters=queue(DelaySeconds="5")),
        UNLOCK_QUEUE,
        "medium",
    ),
    "no parameters": (action("SetQueueAttributes", source="sqs"), UNLOCK_QUEUE, "medium"),
    "parameters that are text": (
        action("SetQueueAttributes", source="sqs", request_parameters='"x"'),
        UNLOCK_QUEUE,
        "medium",
    ),
    "parameters that were too long": (
        action("SetQueueAttributes", source="sqs", cut=("request_parameters",)),
        UNLOCK_QUEUE,
        "high",
    ),
    "MFA deactivated": (action("DeactivateMFADevice", source="iam"), DELETE, "medium"),
    "a key deleted": (action("DeleteAccessKey", source="iam"), DELETE, "medium"),
    "a root without password": (action("GetLoginProfile", source="iam", error_code="NoSuchEntity"), DELETE, "low"),
    "outside the task": (action("ListBuckets", read_only=True), DELETE, "high"),
    "outside the task, denied": (action("ListBuckets", error_code="AccessDenied"), DELETE, "medium"),
    "outside the task, failed": (action("ListBuckets", error_code="InternalError"), DELETE, "low"),
    "who am I": (action("GetCallerIdentity", source="sts", read_only=True), DELETE, "low"),
    "an unknown policy, reading": (action("ListBuckets", read_only=True), "arn:aws:iam::1:policy/own", "low"),
    "an unknown policy, writing": (action("CreateUser", source="iam"), "arn:aws:iam::1:policy/own", "medium"),
    "after the end": (action("ListBuckets", END + MINUTE + 1), grant().task_policy or "", "high"),
    "a minute after the end": (action("ListBuckets", END + MINUTE), grant().task_policy or "", "low"),
    "after the end, denied": (
        action("ListBuckets", END + 2 * MINUTE, error_code="AccessDenied"),
        grant().task_policy or "",
        "medium",
    ),
}


@pytest.mark.parametrize("case", SEVERITIES)
def test_severity_of_one_call(case: str) -> None:
    """S11: the severity of each kind of call, where it succeeded, was denied and failed."""
    one, policy, severity = SEVERITIES[case]
    assert judged(one, task_policy=policy).severity == severity


@pytest.mark.parametrize("policy", [None, "arn:aws:iam::111111111111:policy/own"])
def test_under_an_unknown_policy_nothing_is_outside(policy: str | None) -> None:
    """S12: without a known task policy there is no answer to whether the call was within it."""
    assert judged(action("CreateUser", source="iam"), task_policy=policy).within_task is None
    assert judged(action("GetCallerIdentity", source="sts")).within_task is None
    assert judged(action("CreateUser", source="iam", error_code="AccessDenied")).within_task is False
