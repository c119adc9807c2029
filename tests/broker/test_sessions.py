"""Root sessions followed by real workers on a real broker (S1 to S10)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from root_sessions import MEMBER, identity, record
from worker_process import Deployment, assume_root, wait_for

from streams.wire.sessions.published import ACTIVITY, SUMMARY

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.broker

GRANTED = "2026-03-01T10:00:00Z"
PRINCIPAL = "arn:aws:iam::111111111111:user/alice"
KEY = "ASIAEXAMPLE"


@pytest.fixture(name="deployment")
def hasty(deployment: Deployment) -> Deployment:
    """A deployment whose sessions are summed up a second after they are over."""
    deployment.settings["session_grace"] = "1s"
    return deployment


def grant(**fields: Any) -> dict[str, Any]:
    """The AssumeRoot that issued the key."""
    return assume_root(PRINCIPAL, MEMBER, time=GRANTED, event_id="grant", **fields)


def action(name: str, event_id: str, second: int = 60, **fields: Any) -> dict[str, Any]:
    """A root action with the issued key, so many seconds into the session."""
    return {
        **record(),
        "userIdentity": identity(
            accessKeyId=KEY, sessionContext={"attributes": {"creationDate": GRANTED, "mfaAuthenticated": "false"}}
        ),
        "eventTime": f"2026-03-01T10:{second // 60:02d}:{second % 60:02d}Z",
        "eventName": name,
        "eventID": event_id,
        **fields,
    }


def activities(deployment: Deployment) -> list[dict[str, Any]]:
    """The activity that there is, repeats left out."""
    read = [ACTIVITY.read(message.value()) for message in deployment.read(f"{deployment.topic}.activity")]
    return list({found["activity_id"]: found for found in read}.values())


def summaries(deployment: Deployment) -> list[dict[str, Any]]:
    """The summaries that there are, in order of their revisions; repeats are left out."""
    read = [SUMMARY.read(message.value()) for message in deployment.read(f"{deployment.topic}.session-summaries")]
    return sorted({found["revision"]: found for found in read}.values(), key=lambda found: found["revision"])


def test_a_session_is_followed_from_its_alert_to_its_summary(deployment: Deployment) -> None:
    """S3 to S9: an action that came before its grant joins too, and the summary needs no further record."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([action("GetBucketPolicy", "early", 30, readOnly=True)])
        deployment.produce([grant()])
        deployment.produce([action("DeleteBucketPolicy", "late", 90), action("DeleteBucketPolicy", "late", 90)])
        wait_for(lambda: summaries(deployment), "the session is summed up")
    (alert,) = deployment.alerts()
    found = {one["event"]["id"]: one for one in activities(deployment)}
    assert found.keys() == {"early", "late"}
    assert {one["alert_id"] for one in found.values()} == {alert["alert_id"]}
    assert (found["late"]["outcome"], found["late"]["kind"], found["late"]["severity"]) == (
        "success",
        "write",
        "medium",
    )
    last = summaries(deployment)[-1]
    assert (last["alert_id"], last["severity"], last["grant"]["principal"]) == (alert["alert_id"], "medium", PRINCIPAL)
    assert {(one["name"], one["count"]) for one in last["actions"]} == {
        ("DeleteBucketPolicy", 1),
        ("GetBucketPolicy", 1),
    }


def test_an_action_after_the_summary_makes_another_revision(deployment: Deployment, tmp_path: Path) -> None:
    """S10, A2: it joins at once, also behind a restart with an empty disk, and the summary comes again with it."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([grant()])
        wait_for(lambda: summaries(deployment), "the session is summed up")
    assert [(one["revision"], one["actions"]) for one in summaries(deployment)] == [(0, [])]
    shutil.rmtree(tmp_path / "worker")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([action("CreateLoginProfile", "late", eventSource="iam.amazonaws.com")])
        wait_for(lambda: len(summaries(deployment)) == 2, "it is summed up again")
    (joined,) = activities(deployment)
    assert joined["event"]["name"] == "CreateLoginProfile"
    assert [(one["revision"], one["severity"]) for one in summaries(deployment)] == [(0, "low"), (1, "high")]


def test_ordinary_use_of_root_leaves_nothing(deployment: Deployment) -> None:
    """S2, S6: a console session of root of eleven hours is no session of ours, and nothing is remembered of it."""
    old = action("GetBucketPolicy", "old", eventTime="2026-03-01T21:00:00Z")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([old, action("GetBucketPolicy", "k", userIdentity=identity(accessKeyId="AKIAEXAMPLE"))])
        wait_for(deployment.all_done, "all is committed")
        wait_for(
            lambda: b'rootwatch_session_no_candidates_total{reason="too-old"} 1.0' in worker.get("/metrics")[1],
            "it is counted",
        )
    assert deployment.read(f"{deployment.topic}.sessions") == []
