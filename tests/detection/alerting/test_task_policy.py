from __future__ import annotations

import pytest
from sightings import RULE

from streams.detection.alerting.task_policy import risk, short_name

ROOT_TASK = "aws:policy/root-task"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("IAMAuditRootUserCredentials", "reads the state of root credentials"),
        ("IAMCreateRootUserPassword", "can create a root password, which is persistence"),
        (
            "IAMDeleteRootUserCredentials",
            "delete root access keys, certificates and the login profile, and deactivate MFA",
        ),
        ("S3UnlockBucketPolicy", "can delete or replace any bucket policy, read bucket policies and list buckets"),
        ("SQSUnlockQueuePolicy", "can set and read queue attributes, and list queues"),
    ],
)
def test_the_rule_knows_the_five_policies_of_aws(partition: str, name: str, words: str) -> None:
    """A5: the risk of each of AWS's five root task policies is known, in every partition."""
    told = risk(f"arn:{partition}:iam::{ROOT_TASK}/{name}", RULE.task_policies)
    assert told is not None
    assert words in told


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ROOT_TASK}/SomethingNew",
        "arn:aws:iam::123456789012:policy/root-task/S3UnlockBucketPolicy",
        "arn:aws:iam::aws:policy/S3UnlockBucketPolicy",
        f"arn:gcp:iam::{ROOT_TASK}/S3UnlockBucketPolicy",
        f"arn:aws:iam::{ROOT_TASK}/s3unlockbucketpolicy",
        "S3UnlockBucketPolicy",
        "",
    ],
)
def test_any_other_policy_is_unknown(arn: str) -> None:
    """A5: only the whole ARN names a policy; a customer's policy of the same name is unknown."""
    assert risk(arn, RULE.task_policies) == "unknown"


def test_no_policy_has_no_risk() -> None:
    """A5: a call without a task policy has neither a policy nor a risk."""
    assert risk(None, RULE.task_policies) is None


@pytest.mark.parametrize(
    ("arn", "name"), [(f"arn:aws:iam::{ROOT_TASK}/X", "X"), ("X", "X"), ("arn:aws:x/", "arn:aws:x/"), ("", "")]
)
def test_a_policy_is_called_by_its_last_part(arn: str, name: str) -> None:
    """A5: the short name of a policy is the last part of its ARN, or the whole text."""
    assert short_name(arn) == name
