"""Root sessions for the broker tests: their records, and what was published of them beside what a replay gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from root_sessions import MEMBER, identity, record
from worker_process import assume_root

from streams.wire.sessions.published import ACTIVITY, SUMMARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker_process import Deployment

GRANTED = "2026-03-01T10:00:00Z"
PRINCIPAL = "arn:aws:iam::111111111111:user/alice"
KEY = "ASIAEXAMPLE"

Json = dict[str, Any]


def grant(key: str = KEY, account: str = MEMBER, **fields: Any) -> Json:
    """The AssumeRoot that issued the key."""
    credentials = {"accessKeyId": key, "sessionToken": "FwoG", "expiration": "Mar 1, 2026, 10:15:00 AM"}
    whole = {"event_id": f"grant-{key}-{account}", "responseElements": {"credentials": credentials}} | fields
    return assume_root(PRINCIPAL, account, time=GRANTED, **whole)


def action(name: str, event_id: str, second: int = 60, key: str = KEY, account: str = MEMBER, **fields: Any) -> Json:
    """A root action with the issued key, so many seconds into the session."""
    session = {"attributes": {"creationDate": GRANTED, "mfaAuthenticated": "false"}}
    return {
        **record(),
        "userIdentity": identity(accessKeyId=key, accountId=account, sessionContext=session),
        "eventTime": f"2026-03-01T10:{second // 60:02d}:{second % 60:02d}Z",
        "eventName": name,
        "eventID": event_id,
        **fields,
    }


def session(key: str, account: str = MEMBER) -> list[Json]:
    """The records of a session: an action comes before the grant, and two after it."""
    return [
        action("GetBucketPolicy", f"{key}-get", 30, key, account, readOnly=True),
        grant(key, account),
        action("DeleteBucketPolicy", f"{key}-delete", 60, key, account),
        action("PutBucketPolicy", f"{key}-put", 90, key, account, errorCode="AccessDenied"),
    ]


def sessions(count: int, tag: str = "", first: int = 0) -> Iterator[Json]:
    """The records of so many sessions, each of its own key and account, in turn; ``first`` numbers the accounts."""
    whole = [session(f"ASIA{tag}{number}", f"{400_000_000_000 + first + number}") for number in range(count)]
    return (one for turn in zip(*whole, strict=True) for one in turn)


def activities(deployment: Deployment) -> dict[str, Json]:
    """The present activity by id. A repeat must be the same, but for the time of its detection."""
    found: dict[str, Json] = {}
    for message in deployment.read(f"{deployment.topic}.activity"):
        activity = {**ACTIVITY.to_json(ACTIVITY.read(message.value())), "detected_at": None}
        assert found.setdefault(activity["activity_id"], activity) == activity
    return found


def summaries(deployment: Deployment) -> list[Json]:
    """The present summaries, repeats included, in order of their revisions."""
    found = deployment.read(f"{deployment.topic}.session-summaries")
    read = [SUMMARY.to_json(SUMMARY.read(message.value())) for message in found]
    return sorted(read, key=lambda summary: (summary["revision"], summary["closed_at"]))


def last_summaries(deployment: Deployment) -> dict[str, Json]:
    """The last summary of each session, without what depends on when it was written."""
    return {one["session_id"]: {**one, "revision": 0, "closed_at": None} for one in summaries(deployment)}


def replayed(deployment: Deployment, records: Iterable[Any]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The activity and the summaries that a replay of these messages gives, by their ids."""
    source, output = deployment.folder / "records.jsonl", deployment.folder / "sessions.jsonl"
    source.write_text("".join(f"{json.dumps(one)}\n" for one in records))
    done = deployment.run("backtest", str(source), "--sessions", str(output))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return (
        {one["activity"]["activity_id"]: one["activity"] for one in lines if "activity" in one},
        {one["summary"]["session_id"]: one["summary"] for one in lines if "summary" in one},
    )


def is_summed_up(deployment: Deployment, expected: tuple[dict[str, Json], dict[str, Json]]) -> bool:
    """Whether all that is expected is published, and its last summaries are the expected ones."""
    return activities(deployment) == expected[0] and last_summaries(deployment) == expected[1]
