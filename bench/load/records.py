"""CloudTrail records of about 1.8 kB, as varied as real ones: what repeats in them is what AWS repeats.

The records are the same in every run: chance is seeded.
"""

from __future__ import annotations

import base64
import math
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import cramjam
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 1, tzinfo=UTC)
PRINCIPALS = 1_000
DISTINCT = 5_000  # different records that no rule takes; they repeat after so many, far beyond a batch
NEW_IN_TEN = 9  # of ten records that the rule takes, so many are of a new pair
SERVICES = (
    ("ec2.amazonaws.com", "DescribeInstances"),
    ("s3.amazonaws.com", "GetObject"),
    ("sts.amazonaws.com", "AssumeRole"),
    ("kms.amazonaws.com", "Decrypt"),
    ("sts.amazonaws.com", "GetCallerIdentity"),
)


def event_id(chance: random.Random) -> str:
    """An event id."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def record(chance: random.Random, role: int, seconds: float) -> dict[str, Any]:
    """A record by this role, so many seconds after ``START``; what it called is still to be set."""
    session = f"deploy-{role:04d}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROA{role:016d}:{session}",
            "arn": f"arn:aws:sts::111111111111:assumed-role/Role{role}/{session}",
            "accountId": "111111111111",
            "accessKeyId": f"ASIA{chance.getrandbits(64):016X}",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROA{role:016d}",
                    "arn": f"arn:aws:iam::111111111111:role/Role{role}",
                    "accountId": "111111111111",
                    "userName": f"Role{role}",
                },
                "attributes": {"creationDate": "2026-03-01T00:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"{START + timedelta(seconds=int(seconds)):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "",
        "eventName": "",
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}",
        "userAgent": "aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64",
        "requestParameters": None,
        "responseElements": None,
        "requestID": event_id(chance),
        "eventID": event_id(chance),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111111111111",
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "sts.us-east-1.amazonaws.com",
        },
    }


def other(chance: random.Random, number: int) -> dict[str, Any]:
    """A record that the shipped rule does not take."""
    source, name = SERVICES[number % len(SERVICES)]
    items = [{"instanceId": f"i-{chance.getrandbits(68):017x}", "key": f"{chance.random()}"} for _ in range(9)]
    return {
        **record(chance, chance.randrange(PRINCIPALS), number / 100),
        "eventSource": source,
        "eventName": name,
        "requestParameters": {"bucketName": f"bucket-{chance.randrange(200)}", "items": items},
    }


def assume_root(chance: random.Random, pair: tuple[int, int], seconds: float) -> dict[str, Any]:
    """A successful AssumeRoot of this pair of role and account, with a session token of usual length."""
    role, account = pair
    token = base64.b64encode(chance.randbytes(390)).decode()
    return {
        **record(chance, role, seconds),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoot",
        "requestParameters": {
            "targetPrincipal": f"{account:012d}",
            "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
            "durationSeconds": 900,
        },
        "responseElements": {
            "credentials": {
                "accessKeyId": f"ASIA{chance.getrandbits(64):016X}",
                "sessionToken": token,
                "expiration": "Mar 1, 2026, 10:15:00 AM",
            }
        },
    }


def pairs(chance: random.Random) -> Iterator[tuple[int, int]]:
    """Pairs of role and account; ``NEW_IN_TEN`` of ten are new, the others any earlier one."""
    new = 0
    for number in range(10**9):
        if number % 10 < NEW_IN_TEN:
            new += 1
            yield new % PRINCIPALS, new // PRINCIPALS
        else:
            earlier = chance.randrange(1, new + 1)
            yield earlier % PRINCIPALS, earlier // PRINCIPALS


def new_pairs(taken: int) -> int:
    """How many of so many pairs are new."""
    return taken // 10 * NEW_IN_TEN + min(taken % 10, NEW_IN_TEN)


def mixed(count: int, share: float) -> Iterator[bytes]:
    """Records as JSON, ``share`` (0 to 1) of which the shipped rule takes, evenly spread."""
    chance = random.Random(1)  # noqa: S311  no secret
    others = [orjson.dumps(other(chance, number)) for number in range(DISTINCT)] if share < 1 else []
    drawn = pairs(chance)
    taken = 0
    for number in range(count):
        if taken < share * (number + 1):
            yield orjson.dumps(assume_root(chance, next(drawn), taken / 100))
            taken += 1
        else:
            yield others[number % DISTINCT]


def taken_of(count: int, share: float) -> int:
    """How many records ``mixed`` makes for the rule to take."""
    return math.ceil(count * share)


def size(codec: str) -> float:
    """Bytes of a record that no rule takes: as JSON, or with zstd in a batch of 500."""
    batch = [value for value in mixed(1_001, 0.001) if b"AssumeRoot" not in value][:500]
    joined = b"".join(batch)
    return len(cramjam.zstd.compress(joined, 3) if codec == "zstd" else joined) / len(batch)
