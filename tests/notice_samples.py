"""An alert, and the summary of its session, that notices are made of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from streams.extraction.sighting import Resource
from streams.sessions.grant import Grant
from streams.sessions.meaning.summary import SessionSummary
from streams.sessions.meaning.tally import Count
from streams.wire.sessions.published import SUMMARY as CODEC

ALERT: dict[str, Any] = json.loads(
    (Path(__file__).parent / "wire" / "samples" / "alert.json").read_text(encoding="utf-8")
)
ALERT_ID: str = ALERT["alert_id"]
SESSION_ID = "5e551011-0000-5000-8000-000000000001"
_SUMMARY = SessionSummary(
    session_id=SESSION_ID,
    rule_id=ALERT["rule"]["id"],
    alert_id=ALERT_ID,
    revision=0,
    grant=Grant(
        event_id=ALERT["event"]["id"],
        time=ALERT["event"]["time"],
        expires_at=ALERT["event"]["issued_expires_at"],
        principal=ALERT["principal"]["arn"],
        member_account=ALERT["member_account"]["id"],
        issued_access_key_id=ALERT["event"]["issued_access_key_id"],
        task_policy=ALERT["event"]["task_policy"],
        source_ip=ALERT["event"]["source_ip"],
    ),
    actions=(Count("s3.amazonaws.com", "DeleteBucketPolicy", "success", 1),),
    resources=(Resource(arn="arn:aws:s3:::b-1", type=None, account_id=None),),
    first_action_at=ALERT["event"]["time"] + 60_000,
    last_action_at=ALERT["event"]["time"] + 60_000,
    severity="medium",
    reason="deleted the bucket policy of b-1",
    cut=(),
)


def alert(**changes: Any) -> dict[str, Any]:
    """The alert with other values; ``severity`` and ``risk_score`` are those of its rule."""
    rule = ALERT["rule"] | {name: changes.pop(name) for name in ("severity", "risk_score") if name in changes}
    return ALERT | {"rule": rule} | changes


def summary_bytes(**changes: Any) -> bytes:
    """The summary with other values, as it is on its topic."""
    return CODEC.encode(replace(_SUMMARY, **changes))


def summary(**changes: Any) -> dict[str, Any]:
    """The summary with other values, as it is read."""
    return CODEC.read(summary_bytes(**changes))
