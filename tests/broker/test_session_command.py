"""``rootwatch session`` and ``rootwatch alerts`` read the topics of sessions from a real broker (S13)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from root_sessions import DAY, GRANTED_AT, HOUR, KEY, RULE_ID, Followed, action, granted

from streams.wire import alert as alert_codec
from streams.wire.sessions.published import ACTIVITY, SUMMARY

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
SAMPLE = json.loads((Path(__file__).parents[1] / "wire" / "samples" / "alert.json").read_text(encoding="utf-8"))
ALERT_ID = "0a7e9a3e-8a53-5b0c-9d3c-0f0c1f3b5d11"


class Topics:
    """The topics for readers of one test, and what is written to them."""

    def __init__(self, broker: RunningBroker, names: Names) -> None:
        self._producer = Producer({"bootstrap.servers": broker.bootstrap})
        self._prefix = names.topic_prefix
        for name in ("alerts", "alerts.overflow", "activity", "session-summaries"):
            broker.create_topic(f"{self._prefix}.{name}", 3)

    def write(self, name: str, key: str, value: bytes) -> None:
        """Write one record, and wait for its acknowledgement."""
        self._producer.produce(f"{self._prefix}.{name}", value, key)
        assert self._producer.flush(60) == 0

    def publish(self, followed: Followed) -> None:
        """Write the activity and the summaries of a key, as a worker would."""
        for activity in followed.activities:
            self.write("activity", activity.session_id, ACTIVITY.encode(replace(activity, detected_at=GRANTED_AT)))
        for summary in followed.summaries:
            self.write("session-summaries", summary.session_id, SUMMARY.encode(summary))

    def alert(self, alert_id: str = ALERT_ID, topic: str = "alerts") -> None:
        """Write the alert of the key's grant."""
        made = granted()
        event = SAMPLE["event"] | {
            "id": made.grant.event_id,
            "time": made.grant.time,
            "issued_access_key_id": KEY,
            "issued_expires_at": made.grant.expires_at,
            "task_policy": made.grant.task_policy,
            "source_ip": made.grant.source_ip,
        }
        value = SAMPLE | {
            "alert_id": alert_id,
            "rule": SAMPLE["rule"] | {"id": RULE_ID},
            "principal": SAMPLE["principal"] | {"arn": made.grant.principal},
            "member_account": SAMPLE["member_account"] | {"id": made.grant.member_account},
            "event": event,
        }
        self.write(topic, alert_id, alert_codec.encode(value))


@pytest.fixture
def topics(broker: RunningBroker, names: Names) -> Topics:
    """The topics for readers, empty."""
    return Topics(broker, names)


@pytest.fixture
def here(broker: RunningBroker, names: Names, tmp_path: Path) -> Path:
    """A folder with settings for the broker."""
    (tmp_path / "rootwatch.toml").write_text(
        f"bootstrap_servers = '{broker.bootstrap}'\ntopic_prefix = '{names.topic_prefix}'\n"
    )
    return tmp_path


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}


def ran(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the project's own command
        [str(ROOTWATCH), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=here,
        env=environment(),
        timeout=60,
    )


def session(alert_id: str | None = ALERT_ID) -> Followed:
    """A session of two actions with two revisions, the later one high."""
    followed = Followed()
    followed.take_all([granted(alert_id=alert_id), action("GetBucketPolicy", read_only=True)])
    followed.close(GRANTED_AT + 2 * HOUR)
    followed.take(action("PutBucketPolicy", GRANTED_AT + 30_000), GRANTED_AT + 3 * HOUR)
    followed.close(GRANTED_AT + DAY)
    return followed


def objects(done: subprocess.CompletedProcess[str]) -> list[tuple[str, Any]]:
    """The JSON lines, each by its kind."""
    return [item for line in done.stdout.splitlines() for item in json.loads(line).items()]


@pytest.mark.parametrize("by", ["alert", "key", "session"])
def test_a_session_is_told_whole(topics: Topics, here: Path, by: str) -> None:
    """S13: by alert, key or session id: alert, grant, actions in order of time, each once, and the last summary."""
    made = session()
    topics.publish(made)
    topics.publish(made)  # at least once
    topics.alert()
    other = Followed()
    other.take_all([granted(issued_access_key_id="ASIAANOTHER")])
    other.close()
    topics.publish(other)
    wanted = {"alert": ALERT_ID, "key": KEY, "session": made.summaries[0].session_id}[by]
    done = ran(here, "session", wanted, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = objects(done)
    assert [kind for kind, _ in found] == ["alert", "grant", "activity", "activity", "summary"]
    assert found[0][1]["alert_id"] == ALERT_ID
    assert [value["event"]["name"] for _, value in found[2:4]] == ["PutBucketPolicy", "GetBucketPolicy"]
    assert (found[4][1]["revision"], found[4][1]["severity"]) == (1, "high")


def test_a_session_in_lines(topics: Topics, here: Path) -> None:
    """In a pipe the same is one line per part; a session of a known pair has no alert."""
    topics.publish(session(alert_id=None))
    done = ran(here, "session", KEY)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [
        ("grant", ""),
        ("activity", "high"),
        ("activity", "low"),
        ("summary", "high"),
    ]


def test_an_alert_above_the_cap(topics: Topics, here: Path) -> None:
    """An alert of the overflow topic is found too, also before anything else is known of its session."""
    topics.alert(topic="alerts.overflow")
    done = ran(here, "session", ALERT_ID, "--json")
    assert done.returncode == 0
    assert [kind for kind, _ in objects(done)] == ["alert", "grant"]
    assert objects(done)[0][1]["overflow"] is True
    assert "no summary yet" in done.stderr


def test_nothing_is_known(topics: Topics, here: Path, names: Names) -> None:
    """Exit 1, and the error says where was looked, and for what."""
    topics.publish(session())
    done = ran(here, "session", "ASIAUNKNOWN")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rootwatch: nothing is known of ASIAUNKNOWN: ")
    assert f"{names.topic_prefix}.alerts" in done.stderr


def test_a_value_that_cannot_be_read(topics: Topics, here: Path, names: Names) -> None:
    """A damaged value that names the session is told with its position, the rest is shown, and the exit code is 1."""
    topics.publish(session())
    topics.write("activity", "x", f"no activity of {KEY}".encode())
    topics.write("activity", "x", b"no activity of another")
    done = ran(here, "session", KEY)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rootwatch: {names.topic_prefix}.activity, partition ")


def test_alerts_show_their_sessions(topics: Topics, here: Path) -> None:
    """S13: the last summary of a session comes under its alert; not with --no-sessions, with --json only if asked."""
    topics.alert()
    topics.alert("another")
    topics.publish(session())
    topics.publish(session(alert_id=None))
    lines = [line.split("\t") for line in ran(here, "alerts").stdout.splitlines()]
    sessions = [number for number, line in enumerate(lines) if line[4].startswith("session: ")]
    assert [lines[number][:2] for number in sessions] == [["2024-10-25T20:52:11.000Z", "high"]]
    assert (len(lines), sessions != [0]) == (3, True)
    assert ran(here, "alerts", "--no-sessions").stdout.count("\n") == 2
    assert [set(json.loads(line)) == set(SAMPLE) for line in ran(here, "alerts", "--json").stdout.splitlines()] == [
        True,
        True,
    ]
    with_sessions = [json.loads(line) for line in ran(here, "alerts", "--json", "--sessions").stdout.splitlines()]
    at = next(number for number, line in enumerate(with_sessions) if line.get("alert_id") == ALERT_ID)
    assert with_sessions[at + 1]["summary"]["revision"] == 1
    assert len(with_sessions) == 3


def test_a_session_that_comes_while_alerts_are_followed(topics: Topics, here: Path) -> None:
    """S13: --follow shows a session when its summary comes, and again with the next revision, but no other's."""
    topics.alert()
    made = session()
    with subprocess.Popen(  # noqa: S603  the project's own command
        [str(ROOTWATCH), "alerts", "--follow"], stdout=subprocess.PIPE, text=True, cwd=here, env=environment()
    ) as process:
        assert process.stdout is not None
        assert not process.stdout.readline().split("\t")[4].startswith("session: ")
        topics.publish(session("of-another-alert"))
        for summary, severity in zip(made.summaries, ("low", "high"), strict=True):
            topics.write("session-summaries", summary.session_id, SUMMARY.encode(summary))
            line = process.stdout.readline().split("\t")
            assert (line[0], line[1], line[4].startswith("session: ")) == ("2024-10-25T20:52:11.000Z", severity, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
