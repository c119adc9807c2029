from __future__ import annotations

from importlib.resources import files

import pytest

from streams.rules.root_sessions import SHIPPED, Call, parse
from streams.rules.rule_errors import RuleErrors
from streams.settings.session_rules import load_session_rules

TEXT = files("streams.rules").joinpath(SHIPPED).read_text(encoding="utf-8")
RULES = load_session_rules()
IAM, S3, SQS = "iam.amazonaws.com", "s3.amazonaws.com", "sqs.amazonaws.com"

# AWS's five task policies, as published: each call with its kind and the policies that allow it.
TABLE = """
iam GetLoginProfile           read        Audit Create Delete
iam ListAccessKeys            read        Audit Delete
iam ListMFADevices            read        Audit Delete
iam ListSigningCertificates   read        Audit Delete
iam GetUser                   read        Audit Delete
iam GetAccessKeyLastUsed      read        Audit Delete
iam GetAccountSummary         read        Audit
iam CreateLoginProfile        persistence Create
iam DeleteLoginProfile        write       Delete
iam DeleteAccessKey           write       Delete
iam DeactivateMFADevice       weakening   Delete
iam DeleteVirtualMFADevice    write       Delete
iam DeleteSigningCertificate  write       Delete
s3  ListBuckets               read        S3
s3  GetBucketPolicy           read        S3
s3  DeleteBucketPolicy        write       S3
s3  PutBucketPolicy           write       S3
sqs ListQueues                read        SQS
sqs GetQueueUrl               read        SQS
sqs GetQueueAttributes        read        SQS
sqs SetQueueAttributes        write       SQS
"""
POLICIES = {
    "Audit": "IAMAuditRootUserCredentials",
    "Create": "IAMCreateRootUserPassword",
    "Delete": "IAMDeleteRootUserCredentials",
    "S3": "S3UnlockBucketPolicy",
    "SQS": "SQSUnlockQueuePolicy",
}
ROWS = [line.split() for line in TABLE.split("\n") if line]


def arn(policy: str, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::aws:policy/root-task/{policy}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_each_call_is_allowed_by_its_policies_and_no_other(row: list[str]) -> None:
    """S12: each row of the task policies' table, under every policy and in every partition."""
    service, name, kind, *allowed_by = row
    call = Call(f"{service}.amazonaws.com", name)
    assert RULES.calls[call].kind == kind
    for short, policy in POLICIES.items():
        for partition in ("aws", "aws-cn", "aws-us-gov"):
            assert RULES.allows(arn(policy, partition), call) is (short in allowed_by)


def test_there_are_no_other_calls() -> None:
    """S12: what the table has is all there is."""
    assert RULES.calls.keys() == {Call(f"{service}.amazonaws.com", name) for service, name, *_ in ROWS}
    assert set(RULES.task_policies.values()) == {arn(policy) for policy in POLICIES.values()}


def test_the_action_s_name_is_no_event_name() -> None:
    """S12: s3:ListAllMyBuckets is recorded as ListBuckets; a call of another service is another call."""
    unlock = arn(POLICIES["S3"])
    assert RULES.allows(unlock, Call(S3, "ListAllMyBuckets")) is False
    assert RULES.allows(unlock, Call(SQS, "ListBuckets")) is False
    assert RULES.allows(unlock, Call(S3, "listbuckets")) is False


@pytest.mark.parametrize(
    "policy", [None, "", "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::111111111111:policy/root-task/X"]
)
def test_under_another_policy_nothing_is_known(policy: str | None) -> None:
    """S12: without a task policy, or under one that is none of AWS's, there is no answer."""
    assert RULES.allows(policy, Call(S3, "DeleteBucketPolicy")) is None


def test_what_needs_no_permission_is_no_question() -> None:
    """S7: sts GetCallerIdentity works under any policy."""
    for policy in POLICIES.values():
        assert RULES.allows(arn(policy), Call("sts.amazonaws.com", "GetCallerIdentity")) is None
        assert RULES.allows(arn(policy), Call("sts.amazonaws.com", "GetSessionToken")) is False


@pytest.mark.parametrize(
    ("changed", "to", "complaint"),
    [
        ("[[call]]\n", "[[call]\n", "not TOML"),
        ('kind = "persistence"', 'kind = "bad"', "call.7.kind: 'bad': Input should be 'read', 'write'"),
        ('kind = "persistence"', "", "call.7.kind: is missing"),
        ('kind = "persistence"', 'kind = "persistence"\nwhy = "x"', "call.7.why: is no field here"),
        ('did = "listed the queues"', 'did = " "', "call.17.did: ' ': String should match pattern"),
        (
            'allowed_by = ["create_password"]',
            'allowed_by = ["create"]',
            "call.7.allowed_by: 'create': task_policies has",
        ),
        (
            'name = "ListBuckets"',
            'name = "GetBucketPolicy"',
            "call.14: s3.amazonaws.com GetBucketPolicy: is there twice",
        ),
        ('outcome = "denied"', 'outcome = "refused"', "severity.6.outcome: 'refused': Input should be 'success'"),
        ('level = "medium"\noutcome = "denied"', 'outcome = "denied"', "severity.6.level: is missing"),
        (
            "within_task = false",
            'within_task = "maybe"',
            "severity.0.within_task: 'maybe': Input should be a valid boolean",
        ),
        ("words = ", "said = ", "session_severity.0.words: is missing"),
    ],
)
def test_nonsense_is_refused_by_file_and_field(changed: str, to: str, complaint: str) -> None:
    """S12: a file that cannot be used is refused, and the message names the file and the field."""
    assert changed in TEXT
    with pytest.raises(RuleErrors) as refused:
        parse(TEXT.replace(changed, to, 1), "own.toml")
    assert f"own.toml: {complaint}" in str(refused.value)


def test_both_files_name_the_same_policies() -> None:
    """S12: the rule tells what each task policy allows in words; sessions know the same five."""
    rule = files("streams.rules").joinpath("shipped/assume_root.toml").read_text(encoding="utf-8")
    assert all(f'"{policy}"' in rule for policy in RULES.task_policies.values())
