"""The story: the days before, which teach, and the morning of 10 June 2025 with its alerts.

What happens in the morning beside ordinary traffic, and how the rule decides:

* The audit job takes root in four accounts, as every night: known.
* A stolen key takes root in five accounts within four minutes: five alerts, and none for a refused call before them. In
  two of the sessions the thief does something: creates a password for root, and deletes the policy of a bucket.
* Mary unlocks a bucket in an account that is new to her, and two roads deliver the record: one alert. Her session says
  that she deleted the bucket's policy.
* Paulo looks at a queue, for the first time in 112 days: an alert that says so. Nothing is recorded of his session, as
  CloudTrail does not record reads of queues as management events.
* Martha's call is refused, and a role's policy names sts:AssumeRoot: neither is a use of root.
* A forwarder cut a message in half: a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from streams.demo import shapes
from streams.demo.organisation import (
    ACCOUNTS,
    AUDIT_JOB,
    BACKUPS,
    BUILD_FARM,
    ELSEWHERE,
    IDENTITY,
    LOGS,
    MANAGEMENT,
    MARTHA,
    MARY,
    MESSAGING,
    PAULO,
    PAYMENTS,
    SANDBOX,
    SHOP,
    STOLEN_KEY,
    WAREHOUSE,
    role_session,
)
from streams.demo.records import assume_root, call, done_as_root
from streams.demo.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.demo.records import Record

LEARN_UNTIL = datetime(2025, 6, 10, tzinfo=UTC)
MORNING = LEARN_UNTIL + timedelta(hours=6)
LENGTH = timedelta(hours=4, minutes=30)
RECORDS_OF_AN_ACCOUNT = 26
RECORDS_OF_A_FILE = 5
NIGHTS = 5

_AUDITED = (PAYMENTS, SHOP, BACKUPS, LOGS)
_DENIED = {"errorCode": "AccessDenied", "errorMessage": "not authorized to perform: sts:AssumeRoot"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the source topic.

    Attributes:
        name: what it is, for the name of a file.
        account: the account of its trail; the Kafka key.
        time: its Kafka timestamp, UTC.
        value: the bytes.
    """

    name: str
    account: str
    time: datetime
    value: bytes


def days_before() -> list[Message]:
    """What teaches: the audit job's nights, and occasional work of administrators."""
    messages: list[Message] = []
    for night in range(NIGHTS, 0, -1):
        messages += _by("log_file", _audit(LEARN_UNTIL - timedelta(days=night)))
    messages += _by("event_bridge", [assume_root(_at(-113, 13, 20), PAULO, MESSAGING.id, "SQSUnlockQueuePolicy")])
    messages += _by("event_bridge", [assume_root(_at(-8, 9, 5), MARY, PAYMENTS.id, "S3UnlockBucketPolicy")])
    messages += _by("event_bridge", [assume_root(_at(-6, 14, 40), MARY, SHOP.id, "S3UnlockBucketPolicy")])
    return sorted(messages, key=lambda message: message.time)


def morning() -> list[Message]:
    """The morning, in the order of arrival."""
    messages: list[Message] = []
    for account in ACCOUNTS:
        records = list(traffic(account, MORNING, LENGTH, RECORDS_OF_AN_ACCOUNT))
        for start in range(0, len(records), RECORDS_OF_A_FILE):
            messages += _by(account.road, records[start : start + RECORDS_OF_A_FILE])
    messages += _by("log_file", _audit(LEARN_UNTIL))
    theft = list(_theft())
    messages += _by("subscription", theft[:4]) + _by("packed_subscription", theft[4:])
    for record in _done_by_the_thief(theft[4], theft[5]):
        messages += _by("event_bridge", [record])
    opened = assume_root(_at(0, 9, 12, 30), MARY, WAREHOUSE.id, "S3UnlockBucketPolicy")
    messages += _by("event_bridge", [opened]) + _by("log_file", [opened])
    messages += _by(WAREHOUSE.road, [_bucket_unlocked(_at(0, 9, 14, 2), opened)])
    messages += _by("filebeat", [assume_root(_at(0, 10, 5), PAULO, MESSAGING.id, "SQSUnlockQueuePolicy")])
    refused = assume_root(_at(0, 10, 17), MARTHA, SHOP.id, "IAMAuditRootUserCredentials", responseElements=None)
    messages += _by("notification", [refused | _DENIED])
    messages += _by("event_bridge", [_policy_that_names_it()])
    messages.append(_cut_in_half())
    return sorted(messages, key=lambda message: (message.time, message.name))


def _audit(day: datetime) -> list[Record]:
    """One night of the audit job: it checks in four accounts whether root has credentials."""
    return [
        assume_root(
            day + timedelta(hours=2, minutes=10, seconds=7 * number),
            AUDIT_JOB,
            account.id,
            "IAMAuditRootUserCredentials",
            sourceIPAddress=BUILD_FARM,
        )
        for number, account in enumerate(_AUDITED)
    ]


def _theft() -> Iterator[Record]:
    """A forgotten key of the management account, used by a thief."""
    where: dict[str, Any] = {
        "sourceIPAddress": ELSEWHERE,
        "userAgent": "aws-cli/2.15.30 Python/3.11.8 Linux/6.6 exe/x86_64.kali",
    }
    yield call(_at(0, 8, 41, 7), STOLEN_KEY, "sts.GetCallerIdentity", **where)
    yield call(_at(0, 8, 41, 31), STOLEN_KEY, "organizations.ListAccounts", **where)
    refused = {"responseElements": None, **_DENIED}
    yield assume_root(_at(0, 8, 42, 2), STOLEN_KEY, MANAGEMENT, "IAMAuditRootUserCredentials", **where | refused)
    for second, account, task_policy in (
        (40, SANDBOX, "IAMAuditRootUserCredentials"),
        (95, PAYMENTS, "IAMCreateRootUserPassword"),
        (142, BACKUPS, "S3UnlockBucketPolicy"),
        (190, IDENTITY, "IAMDeleteRootUserCredentials"),
        (230, MESSAGING, "SQSUnlockQueuePolicy"),
    ):
        yield assume_root(_at(0, 8, 42, second), STOLEN_KEY, account.id, task_policy, **where)


def _done_by_the_thief(password: Record, bucket: Record) -> Iterator[Record]:
    """What the thief did in two of the sessions. IAM's calls are recorded in one region, wherever they come from."""
    yield done_as_root(_at(0, 8, 44, 1), password, "iam.CreateLoginProfile", awsRegion="us-east-1")
    yield _bucket_unlocked(_at(0, 8, 45, 12), bucket)


def _bucket_unlocked(time: datetime, opened: Record) -> Record:
    bucket = "amzn-s3-demo-bucket1"
    resource = {
        "accountId": opened["requestParameters"]["targetPrincipal"],
        "type": "AWS::S3::Bucket",
        "ARN": f"arn:aws:s3:::{bucket}",
    }
    return done_as_root(time, opened, "s3.DeleteBucketPolicy", {"bucketName": bucket}, resources=[resource])


def _policy_that_names_it() -> Record:
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:AssumeRoot","Resource":"*"}]}'
    identity = role_session(SANDBOX.id, "Deployment", "deployment-1")
    parameters = {"roleName": "Application", "policyName": "no-root", "policyDocument": document}
    return call(_at(0, 7, 33), identity, "iam.PutRolePolicy", parameters, sourceIPAddress=BUILD_FARM)


def _cut_in_half() -> Message:
    whole = shapes.plain([assume_root(_at(0, 9, 40), AUDIT_JOB, SHOP.id, "IAMAuditRootUserCredentials")])[0][1]
    return Message("cut-in-half", MANAGEMENT, _at(0, 9, 41), whole[: len(whole) * 2 // 3])


def _by(road: str, records: Sequence[Record]) -> list[Message]:
    """The messages of one account's records on a road."""
    account = str(records[0]["recipientAccountId"])
    return [
        Message(road.replace("_", "-"), account, datetime.fromisoformat(time), value)
        for time, value in shapes.ROADS[road](records)
    ]


def _at(days: int, hour: int, minute: int, second: int = 0) -> datetime:
    """A time of day, this many days after the morning's midnight; ``second`` may exceed 59."""
    return LEARN_UNTIL + timedelta(days=days, hours=hour, minutes=minute, seconds=second)
