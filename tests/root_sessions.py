"""Grants, root actions and followed keys, for the tests of sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloudtrail_messages import java_map

from streams.extraction.event_time import format_time
from streams.extraction.record import Record
from streams.sessions.action import Action, ActionEvent
from streams.sessions.candidate import NoCandidate, candidate
from streams.sessions.grant import Grant, Granted
from streams.sessions.joining.forget import forget
from streams.sessions.joining.state import Close, KeyState, Traced
from streams.sessions.joining.trace import TraceSettings, trace
from streams.settings.session_rules import load_session_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.sessions.meaning.activity import Activity
    from streams.sessions.meaning.summary import SessionSummary

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

RULE_ID = "aws-sts-assume-root-rare-pair"
KEY = "ASIAIOSFODNN7EXAMPLE"
MEMBER = "222222222222"
OTHER_MEMBER = "333333333333"
GRANTED_AT = 1_729_889_531_000  # 2024-10-25T20:52:11Z, of AWS's published pair of records
POLICIES = "arn:aws:iam::aws:policy/root-task"
UNLOCK = f"{POLICIES}/S3UnlockBucketPolicy"
ADDRESS = "192.0.2.1"
RULES = load_session_rules()
SETTINGS = TraceSettings(RULES)


def record(time: int = GRANTED_AT + MINUTE, **fields: Any) -> dict[str, Any]:
    """A record of a root action in the shape of AWS's example; ``fields`` replace or add, ``None`` takes one away."""
    event = {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "Root",
            "principalId": MEMBER,
            "arn": f"arn:aws:iam::{MEMBER}:root",
            "accountId": MEMBER,
            "accessKeyId": KEY,
            "sessionContext": {
                "attributes": {"creationDate": format_time(GRANTED_AT), "mfaAuthenticated": "false"},
            },
        },
        "eventTime": format_time(time),
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteBucketPolicy",
        "awsRegion": "us-east-1",
        "sourceIPAddress": ADDRESS,
        "userAgent": "[aws-cli/2.18]",
        "requestParameters": {"bucketName": "amzn-s3-demo-bucket1"},
        "responseElements": None,
        "requestID": "request-1",
        "eventID": "event-1",
        "readOnly": False,
        "resources": [
            {"accountId": MEMBER, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::amzn-s3-demo-bucket1"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": MEMBER,
        "eventCategory": "Management",
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


def identity(**fields: Any) -> dict[str, Any]:
    """The ``userIdentity`` of ``record`` with other fields; ``None`` takes one away."""
    changed = record()["userIdentity"] | fields
    return {name: value for name, value in changed.items() if value is not None}


# What a root action may be written as, the forms of R9 included.
ACTIONS: dict[str, dict[str, Any]] = {
    "as CloudTrail writes it": record(),
    "refused": record(errorCode="AccessDenied"),
    "with its identity as JSON": record(userIdentity=json.dumps(identity())),
    "with its identity as Java writes a map": record(userIdentity=java_map(identity())),
    "with the type at the end of that map": record(
        userIdentity=java_map({name: identity()[name] for name in sorted(identity())})
    ),
}


def taken(fields: dict[str, Any]) -> Action | NoCandidate:
    """What a record is to sessions."""
    return candidate(Record(fields, fields, "record"))


def grant(time: int = GRANTED_AT, **fields: Any) -> Grant:
    """A grant at ``time`` (ms) that lasts fifteen minutes."""
    whole: dict[str, Any] = {
        "event_id": f"grant-{time}",
        "time": time,
        "expires_at": time + 15 * MINUTE,
        "principal": "arn:aws:sts::111111111111:assumed-role/Admin/mary",
        "member_account": MEMBER,
        "issued_access_key_id": KEY,
        "task_policy": UNLOCK,
        "source_ip": ADDRESS,
    }
    return Grant(**whole | fields)


def granted(time: int = GRANTED_AT, alert_id: str | None = "alert-1", **fields: Any) -> Granted:
    """The same grant on its way to its session."""
    return Granted(RULE_ID, grant(time, **fields), alert_id)


def action(  # noqa: PLR0913  what a test may care about
    name: str = "DeleteBucketPolicy",
    time: int = GRANTED_AT + MINUTE,
    *,
    source: str = "s3",
    account: str = MEMBER,
    created_at: int | None = GRANTED_AT,
    cut: tuple[str, ...] = (),
    **fields: Any,
) -> Action:
    """A candidate action of the key; ``fields`` are those of its event."""
    event = ActionEvent(f"{source}-{name}-{time}", time, f"{source}.amazonaws.com", name, source_ip=ADDRESS)
    return Action(KEY, account, replace(event, **fields), created_at, cut)


class Followed:
    """A key that is followed: its state, its stored actions and all that was sent, as a worker keeps them."""

    def __init__(self, trace_settings: TraceSettings = SETTINGS) -> None:
        self.state = KeyState()
        self.whole: dict[int, Action] = {}
        self.activities: list[Activity] = []
        self.summaries: list[SessionSummary] = []
        self.dropped: dict[str, int] = {}
        self._settings = trace_settings

    def take(self, item: Granted | Action | Close, arrived: int = GRANTED_AT + HOUR) -> Traced:
        """Handle one item that arrives at this time, and remember and send what comes of it."""
        traced = trace(self.state, item, arrived, self.whole.get, self._settings)
        self.apply(traced)
        return traced

    def take_all(self, items: Iterable[Granted | Action | Close], arrived: int = GRANTED_AT + HOUR) -> None:
        """Handle items that all arrive at this time."""
        for item in items:
            self.take(item, arrived)

    def forget(self, now: int) -> None:
        """Forget what is over, as the owner of the partition does from time to time."""
        self.apply(forget(self.state, now))

    def close(self, at: int = GRANTED_AT + DAY) -> list[SessionSummary]:
        """Close what is due at this time; returns the summaries."""
        return list(self.take(Close(KEY, at, at), at).summaries)

    def apply(self, traced: Traced) -> None:
        """Send and remember what an item led to."""
        self.activities += traced.activities
        self.summaries += traced.summaries
        self.whole |= traced.keep
        for mark in traced.remove:
            self.whole.pop(mark, None)
        for reason, count in traced.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count
        self.state = traced.state
        assert {kept.mark for kept in self.state.kept} == self.whole.keys()

    def contents(self) -> tuple[KeyState, dict[int, Action]]:
        """Everything remembered, to compare."""
        return self.state, dict(self.whole)
