"""Ordinary traffic: what happens in an organisation's accounts all day, and is of no interest to the rule."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from streams.demo.organisation import BUILD_FARM, OFFICE, Account, iam_user, role_session
from streams.demo.records import call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from streams.demo.organisation import Identity
    from streams.demo.records import Record

_BOTO = "Boto3/1.38.23 md/Botocore#1.38.23 lang/python#3.12.10"
_TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.12.1"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"
_PEOPLE = ("jane.doe", "john.stiles", "nikki.wolf", "richard.roe", "saanvi.sarkar", "li.juan")

# Call, parameters, role and software.
_CALLS: tuple[tuple[str, dict[str, Any] | None, str, str], ...] = (
    ("ec2.DescribeInstances", {"maxResults": 100}, "Inventory", _BOTO),
    ("ec2.DescribeVolumes", {"volumeSet": {}, "filterSet": {}}, "Inventory", _BOTO),
    ("s3.GetObject", {"bucketName": "amzn-s3-demo-bucket", "key": "prices/today.json"}, "Application", _BOTO),
    ("s3.GetObject", {"bucketName": "amzn-s3-demo-bucket", "key": "images/logo.png"}, "Application", _BOTO),
    ("kms.Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, "Application", _BOTO),
    ("secretsmanager.GetSecretValue", {"secretId": "database"}, "Application", _BOTO),
    ("ecs.DescribeTasks", {"cluster": "main", "tasks": ["a"]}, "Deployment", _TERRAFORM),
    ("iam.GetRole", {"roleName": "Application"}, "Deployment", _TERRAFORM),
    ("cloudformation.DescribeStacks", None, "Deployment", _TERRAFORM),
    ("ec2.CreateTags", {"tagSet": {"items": [{"key": "team", "value": "core"}]}}, "Deployment", _TERRAFORM),
    ("sts.GetCallerIdentity", None, "Deployment", _TERRAFORM),
)
_SERVICES = ("ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "lambda.amazonaws.com")


def traffic(account: Account, start: datetime, length: timedelta, count: int) -> Iterator[Record]:
    """``count`` ordinary records of an account, in order of time; the same arguments give the same records."""
    chance = Random(account.id)  # noqa: S311  varies the samples, keeps no secret
    for offset in sorted(chance.uniform(0, length.total_seconds()) for _ in range(count)):
        yield _ordinary(chance, account.id, start + timedelta(seconds=int(offset)))


def _ordinary(chance: Random, account: str, time: datetime) -> Record:
    kind = chance.random()
    if kind < 0.25:  # noqa: PLR2004  a quarter of the records
        return _assume_role(chance, account, time)
    if kind < 0.3:  # noqa: PLR2004  one in twenty
        return _console_login(chance, account, time)
    what, parameters, role, agent = chance.choice(_CALLS)
    fields: dict[str, Any] = {"userAgent": agent, "sourceIPAddress": BUILD_FARM}
    if what == "s3.GetObject":
        fields |= {"eventCategory": "Data", "managementEvent": False}
    if chance.random() < 0.02:  # noqa: PLR2004  one in fifty
        fields |= {"errorCode": "AccessDenied", "errorMessage": f"not authorized to perform {what}"}
    return call(time, role_session(account, role, f"{role.lower()}-{chance.randrange(4)}"), what, parameters, **fields)


def _assume_role(chance: Random, account: str, time: datetime) -> Record:
    service = chance.choice(_SERVICES)
    identity: Identity = {"type": "AWSService", "invokedBy": service}
    parameters = {"roleArn": f"arn:aws:iam::{account}:role/Application", "roleSessionName": f"i-{chance.randrange(9)}"}
    by = {"recipientAccountId": account, "sourceIPAddress": service, "userAgent": service}
    return call(time, identity, "sts.AssumeRole", parameters, **by)


def _console_login(chance: Random, account: str, time: datetime) -> Record:
    outcome = "Failure" if chance.random() < 0.1 else "Success"  # noqa: PLR2004  one in ten mistypes
    identity = iam_user(account, chance.choice(_PEOPLE), "")
    fields: dict[str, Any] = {
        "sourceIPAddress": OFFICE,
        "userAgent": _BROWSER,
        "eventType": "AwsConsoleSignIn",
        "responseElements": {"ConsoleLogin": outcome},
        "additionalEventData": {"MFAUsed": "Yes"},
    }
    return call(time, identity, "signin.ConsoleLogin", **fields)
