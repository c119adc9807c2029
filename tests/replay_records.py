"""CloudTrail records as AWS writes them, and ``rootwatch`` in this process, for the tests of replays."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.commands import main as command_line

if TYPE_CHECKING:
    import pytest

ALICE = "arn:aws:iam::111111111111:user/alice"
ACCOUNT = "222222222222"


def record(time: str, principal: str = ALICE, account: str = ACCOUNT, **fields: Any) -> dict[str, Any]:
    """A successful AssumeRoot at ``time`` (RFC 3339); ``fields`` replace or add fields, ``None`` removes one."""
    event = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "IAMUser", "arn": principal, "accountId": "111111111111", "userName": "alice"},
        "eventTime": time,
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoot",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7",
        "requestParameters": {
            "targetPrincipal": account,
            "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
        },
        "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": "secret-token"}},
        "eventID": f"{time}-{principal}-{account}",
        "eventType": "AwsApiCall",
        "recipientAccountId": "111111111111",
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


def ordinary(number: int) -> dict[str, Any]:
    """A record of another event."""
    other = {"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "eventID": f"ordinary-{number}"}
    return record("2026-01-01T00:00:00Z", **other, requestParameters={"n": number}, responseElements=None)


def lines(*records: Any) -> str:
    """Records, or text unchanged, one per line."""
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in records)


@dataclass(frozen=True)
class Ran:
    """A command's output and exit code."""

    code: int
    out: bytes
    err: str
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def outlines(self) -> list[tuple[str, str, str]]:
        """Time, account and kind of each alert; above the cap ``overflow`` instead of the kind."""
        return [
            (
                alert["event"]["time"].removesuffix(".000Z"),
                alert["member_account"]["id"],
                "overflow" if alert.get("overflow") else alert["novelty"]["kind"],
            )
            for alert in self.alerts
        ]


def run(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> Ran:
    """Run ``rootwatch`` with these arguments in this process."""
    monkeypatch.setattr("sys.argv", ["rootwatch", *map(str, arguments)])
    code = 0
    try:
        command_line.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    out, err = capsysbinary.readouterr()
    alerts = [json.loads(line) for line in out.splitlines()] if code < 2 and out.startswith(b"{") else []
    return Ran(code, out, err.decode(), alerts)
