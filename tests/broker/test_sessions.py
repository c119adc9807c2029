"""Root sessions followed by real workers on a real broker (S1 to S10)."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from broker_sessions import KEY, PRINCIPAL, action, activities, grant, is_summed_up, replayed, sessions, summaries
from root_sessions import MEMBER, OTHER_MEMBER, identity
from worker_process import wait_for

from streams.sessions.joining.state import Close
from streams.wire.sessions import item

if TYPE_CHECKING:
    from worker_process import Deployment, Worker


HOLDING = str(Path(__file__).parents[1] / "holding_worker.py")
LOOKS = 12  # with a grace of two seconds, a look every half of a second


@pytest.fixture(name="deployment")
def hasty(deployment: Deployment) -> Deployment:
    """A deployment whose sessions are summed up a second after they are over."""
    deployment.settings["session_grace"] = "1s"
    return deployment


def test_a_session_is_followed_from_its_alert_to_its_summary(deployment: Deployment) -> None:
    """S3 to S9: an action that came before its grant joins too, and the summary needs no further record."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([action("GetBucketPolicy", "early", 30, readOnly=True)])
        deployment.produce([grant()])
        deployment.produce([action("DeleteBucketPolicy", "late", 90), action("DeleteBucketPolicy", "late", 90)])
        wait_for(
            lambda: any(len(one["actions"]) == 2 for one in summaries(deployment)), "the session is summed up whole"
        )
    (alert,) = deployment.alerts()
    found = {one["event"]["id"]: one for one in activities(deployment).values()}
    assert found.keys() == {"early", "late"}
    assert {one["alert_id"] for one in found.values()} == {alert["alert_id"]}
    late = found["late"]
    assert (late["outcome"], late["kind"], late["severity"]) == ("success", "write", "medium")
    last = summaries(deployment)[-1]
    assert (last["alert_id"], last["severity"], last["grant"]["principal"]) == (alert["alert_id"], "medium", PRINCIPAL)
    assert {(one["name"], one["count"]) for one in last["actions"]} == {
        ("DeleteBucketPolicy", 1),
        ("GetBucketPolicy", 1),
    }


def test_an_action_after_the_summary_makes_another_revision(deployment: Deployment) -> None:
    """S10, A2: it joins at once, also behind a restart with an empty disk, and the summary comes again with it."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([grant()])
        wait_for(lambda: summaries(deployment), "the session is summed up")
    assert [(one["revision"], one["actions"]) for one in summaries(deployment)] == [(0, [])]
    shutil.rmtree(deployment.folder / "worker")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([action("CreateLoginProfile", "late", eventSource="iam.amazonaws.com")])
        wait_for(lambda: len(summaries(deployment)) == 2, "it is summed up again")
    (joined,) = activities(deployment).values()
    assert joined["event"]["name"] == "CreateLoginProfile"
    assert [(one["revision"], one["severity"]) for one in summaries(deployment)] == [(0, "low"), (1, "high")]


def test_a_close_that_comes_again_is_no_news(deployment: Deployment) -> None:
    """S9: neither one that is delivered twice nor one of another owner gives a summary; a later action does."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([grant()])
        wait_for(lambda: summaries(deployment), "the session is summed up")
        (sent,) = [
            message
            for message in deployment.read(f"{deployment.topic}.sessions")
            if isinstance(item.decode(message.value()), Close)
        ]
        close = item.decode(sent.value())
        assert isinstance(close, Close)
        of_another = item.encode(Close(KEY, close.due, time.time_ns() // 1_000_000))
        again = [sent.value(), sent.value(), of_another]
        deployment.produce(again, f"{deployment.topic}.sessions", sent.partition())
        wait_for(deployment.all_done, "they are handled")
        assert b'rootwatch_session_items_total{outcome="not-due"} 3.0' in worker.get("/metrics")[1]
        deployment.produce([action("DeleteBucketPolicy", "late")])
        wait_for(lambda: len(summaries(deployment)) > 1, "it is summed up again")
    assert [one["revision"] for one in summaries(deployment)] == [0, 1]


def test_keys_copies_and_records_that_are_two_things(deployment: Deployment) -> None:
    """S4, S6, S14: each account has its own session of the key, a copy counts once, a record may be grant and action.

    What is published is what a replay of the same messages gives.
    """
    shared = {"sharedEventID": "shared", "recipientAccountId": MEMBER}
    both = {**grant("ASIABOTH", "444444444444", event_id="both"), "userIdentity": action("", "")["userIdentity"]}
    file = [
        action("DeleteBucketPolicy", "early", 30),
        grant(),
        grant(account=OTHER_MEMBER),
        action("GetBucketPolicy", "other", 40, account=OTHER_MEMBER),
        action("PutBucketPolicy", "here", 50, **shared),
        action("PutBucketPolicy", "there", 50, **shared),
        action("GetBucketPolicy", "of no grant", 50, account="555555555555"),
        both,
    ]
    messages = [{"Records": file}, *file]
    expected = replayed(deployment, messages)
    assert len(expected[1]) == 3
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce(messages[:1])  # of two copies the first one joins: in a replay, that of the file
        wait_for(deployment.all_done, "the file is handled")
        deployment.produce(messages[1:])
        wait_for(deployment.all_done, "all is handled")
        wait_for(lambda: is_summed_up(deployment, expected), "all sessions are summed up")
    joined = {(one["event"]["id"], one["grant"]["member_account"]) for one in activities(deployment).values()}
    copies = {("here", MEMBER), ("there", MEMBER)} & joined
    assert len(copies) == 1
    assert joined - copies == {("early", MEMBER), ("other", OTHER_MEMBER), ("both", MEMBER)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_backlog_gives_no_early_summary(deployment: Deployment, workers: int) -> None:
    """S9: while a part of the source lags by more than the grace, no worker sums up, whoever has that part."""
    deployment.settings["session_grace"] = "2s"
    release = deployment.folder / "release"
    records = list(sessions(8))
    grants = [one for one in records if one["eventName"] == "AssumeRoot"]
    deployment.produce([one for one in records if one not in grants], partition=0)
    expected = replayed(deployment, records)
    command = (sys.executable, HOLDING, "source", str(release))
    with ExitStack() as running:
        started = [running.enter_context(deployment.worker(f"{n}", command=command)) for n in range(workers)]
        for worker in started:
            worker.wait_until_ready()
        deployment.produce(grants, partition=1)
        wait_for(lambda: sum(gauge(worker, "sessions_due") for worker in started) == len(grants), "all are due")
        before = [looks(worker) for worker in started]

        def all_have_looked() -> bool:
            return all(looks(worker) > start + LOOKS for worker, start in zip(started, before, strict=True))

        wait_for(all_have_looked, "each worker has looked at them for longer than the grace")
        assert summaries(deployment) == []
        release.touch()
        wait_for(lambda: is_summed_up(deployment, expected), "all sessions are summed up")
    assert {one["revision"] for one in summaries(deployment)} == {0}


def gauge(worker: Worker, name: str) -> float:
    """The present value of a gauge; 0 while it has none."""
    lines = worker.get("/metrics")[1].decode().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"rootwatch_{name} ")), 0.0)


def looks(worker: Worker) -> int:
    """How often a worker that holds has looked at what is due."""
    return worker.log.read_text().count("looked\n")


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
