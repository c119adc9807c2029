from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from root_sessions import GRANTED_AT, MINUTE, POLICIES, RULES, action, grant

from streams.extraction.sighting import Resource
from streams.sessions.meaning.judgement import judge
from streams.sessions.meaning.words import activity_reason, deed

if TYPE_CHECKING:
    from streams.sessions.action import Action

QUEUE = "https://sqs.eu-central-1.amazonaws.com/222222222222/orders"


def with_parameters(name: str, source: str, **parameters: object) -> Action:
    return action(name, source=source, request_parameters=json.dumps(parameters))


DEEDS: dict[str, tuple[Action, str]] = {
    "what the parameter names": (
        with_parameters("DeleteBucketPolicy", "s3", bucketName="b-1"),
        "deleted the bucket policy of b-1",
    ),
    "else what the resource names": (
        action("DeleteBucketPolicy", resources=(Resource(type="t"), Resource("arn:aws:s3:::b-1"))),
        "deleted the bucket policy of arn:aws:s3:::b-1",
    ),
    "nothing named": (action("DeleteBucketPolicy"), "deleted the bucket policy"),
    "nothing to name": (
        action("CreateLoginProfile", source="iam", resources=(Resource("arn:x"),)),
        "enabled the recovery of root's password",
    ),
    "a key": (with_parameters("DeleteAccessKey", "iam", accessKeyId="AKIA1"), "deleted an access key of root: AKIA1"),
    "a key that is not named": (action("DeleteAccessKey", source="iam"), "deleted an access key of root"),
    "a queue's policy": (
        with_parameters("SetQueueAttributes", "sqs", queueUrl=QUEUE, attributes={"Policy": "{}"}),
        f"replaced the policy of the queue {QUEUE}",
    ),
    "a queue's policy removed": (
        with_parameters("SetQueueAttributes", "sqs", queueUrl=QUEUE, attributes={"Policy": ""}),
        f"set the attributes of the queue {QUEUE}",
    ),
    "another call": (with_parameters("CreateUser", "iam", userName="eve"), "called iam CreateUser"),
    "a denied call": (
        action("PutBucketPolicy", error_code="AccessDenied", request_parameters='{"bucketName":"b-1"}'),
        "was denied s3 PutBucketPolicy on b-1",
    ),
    "a failed call": (
        action("GetLoginProfile", source="iam", error_code="NoSuchEntity"),
        "called iam GetLoginProfile, which failed (NoSuchEntity)",
    ),
    "a call that failed without a code": (
        action("GetLoginProfile", source="iam", error_message="?"),
        "called iam GetLoginProfile, which failed",
    ),
    "a name without end": (
        with_parameters("DeleteBucketPolicy", "s3", bucketName="b" * 1_000),
        f"deleted the bucket policy of {'b' * 200}…",
    ),
    "a name that is none": (
        with_parameters("DeleteBucketPolicy", "s3", bucketName=["b"]),
        "deleted the bucket policy",
    ),
}


@pytest.mark.parametrize("case", DEEDS)
def test_what_a_call_did(case: str) -> None:
    """S7: a call is told in words, with what it was about, whatever its outcome."""
    one, words = DEEDS[case]
    assert deed(one, judge(one, grant(), RULES), RULES) == words


def test_what_is_odd_is_said() -> None:
    """S7: a call outside of the task, after the end and from another address says so."""
    end = grant().expires_at
    one = action("ListBuckets", end + 2 * MINUTE, source_ip="198.51.100.7")
    own = grant(task_policy=f"{POLICIES}/IAMAuditRootUserCredentials")
    assert activity_reason("listed the buckets", one, judge(one, own, RULES), own) == (
        "listed the buckets (IAMAuditRootUserCredentials), which the task policy does not allow, "
        "120 s after the session's end, from another address than the caller's"
    )
    no_policy = grant(task_policy=None)
    plain = action("ListBuckets", GRANTED_AT, source_ip=None)
    assert activity_reason("x", plain, judge(plain, no_policy, RULES), no_policy) == "x (no task policy)"
