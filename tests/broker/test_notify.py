from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import notice_samples as samples
import pytest
from confluent_kafka import Producer
from notice_servers import mail_server, web_server
from worker_process import wait_for

from streams.wire.alert import encode
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from kafka_broker import Names, RunningBroker
    from notice_servers import Request, WebServer

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
WRITTEN = 1_700_000_000_000
SECRET = "s3cret-p4th"  # noqa: S105  nobody's


class Running:
    """A ``rootwatch notify`` process; ``log`` is what it has written to stderr."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(60)


class Place:
    """A folder with settings, the topics, and the command in it."""

    def __init__(
        self,
        broker: RunningBroker,
        names: Names,
        folder: Path,
        topics: Collection[str] = ("alerts", "alerts.overflow", "session-summaries"),
    ) -> None:
        self.broker = broker
        self.prefix = names.topic_prefix
        self._folder = folder
        (folder / "rootwatch.toml").write_text(
            f"bootstrap_servers = '{broker.bootstrap}'\ntopic_prefix = '{names.topic_prefix}'\n"
            f"group_id = '{names.group_id}'\nsession_timeout = '6s'\n"
        )
        for topic in topics:
            broker.create_topic(f"{names.topic_prefix}.{topic}", 2)

    def write(self, topic: str, *values: bytes) -> None:
        """Write values to a topic, and wait for the broker."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        for number, value in enumerate(values):
            producer.produce(f"{self.prefix}.{topic}", value, str(number), timestamp=WRITTEN + number)
        assert producer.flush(60) == 0

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        return [str(ROOTWATCH), "notify", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment without settings."""
        return {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}

    def ran(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, when it has ended by itself."""
        return subprocess.run(  # noqa: S603  the project's own command
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=self.environment,
            timeout=120,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """The command, from when it follows the topics until the end of the block, which kills it."""
        log = self._folder / f"{len(list(self._folder.glob('*.log')))}.log"
        with (
            log.open("w") as stderr,
            subprocess.Popen(  # noqa: S603  the project's own command
                self.command(*arguments), stderr=stderr, text=True, cwd=self._folder, env=self.environment
            ) as process,
        ):
            running = Running(process, log)
            try:
                wait_for(lambda: "notify.started" in running.log or process.poll() is not None, "notify starts")
                yield running
            finally:
                process.kill()


@pytest.fixture
def here(broker: RunningBroker, names: Names, tmp_path: Path) -> Place:
    return Place(broker, names, tmp_path)


@pytest.fixture
def hook() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def alert(number: int, **changes: Any) -> bytes:
    return encode(samples.alert(alert_id=f"alert-{number}", **changes))


def keys(server: WebServer) -> list[str]:
    """The deduplication keys of what a server has taken."""
    return [request.document["key"] for request in server.accepted]


def is_about(request: Request, key: str) -> bool:
    return bool(request.document["key"] == key)


def test_each_alert_is_told_once(here: Place, hook: WebServer) -> None:
    """A new group begins with what comes; every service is told each alert; SIGTERM ends it with 0, all committed."""
    here.write("alerts", alert(0))
    with mail_server() as mail, here.running(hook.url, mail.url) as notify:
        here.write("alerts", *(alert(number) for number in range(1, 6)))
        wait_for(lambda: len(keys(hook)) == len(mail.mails) == 5, "five alerts are told")
        assert notify.stop() == 0
    assert "json-1 sent" in notify.log
    with here.running(hook.url) as notify:
        here.write("alerts", alert(6))
        wait_for(lambda: "alert-6" in keys(hook), "the next alert is told")
        assert notify.stop() == 0
    assert sorted(keys(hook)) == [f"alert-{number}" for number in range(1, 7)]


def test_an_alert_between_start_and_crash(here: Place, hook: WebServer) -> None:
    """Where a group begins is settled at its first start: what comes after a kill is told, though it told nothing."""
    with here.running(hook.url) as notify:
        notify.process.kill()
    here.write("alerts", alert(1), alert(2))
    with here.running(hook.url):
        wait_for(lambda: len(keys(hook)) == 2, "the alerts of the time between are told")


def test_from(here: Place, hook: WebServer) -> None:
    """--from begins with what was written since then, and counts only for a group that has committed nothing."""
    here.write("alerts", alert(0), alert(1), alert(2), alert(3))
    start = ("--from", to_iso8601(WRITTEN + 2))
    for _ in range(2):
        with here.running(hook.url, *start) as notify:
            wait_for(lambda: len(keys(hook)) == 2, "the alerts since then are told")
            assert notify.stop() == 0
    assert sorted(keys(hook)) == ["alert-2", "alert-3"]


def test_killed_between_send_and_commit(here: Place, hook: WebServer) -> None:
    """A kill after the service has taken an alert and before the commit repeats it, with the same key; none is lost."""
    taken = threading.Event()
    goes_on = threading.Event()

    def hold(request: Request) -> int:
        if is_about(request, "alert-1"):
            taken.set()
            goes_on.wait(120)  # the service has it, and its answer never arrives
        return 200

    hook.decide = hold
    with here.running(f"{hook.url}?rto=120") as notify:
        here.write("alerts", alert(1))
        assert taken.wait(120)
        notify.process.kill()
        notify.process.wait(60)
    goes_on.set()
    wait_for(lambda: keys(hook) == ["alert-1"], "the service has taken the alert")
    with here.running(f"{hook.url}?rto=120"):
        wait_for(lambda: keys(hook) == ["alert-1", "alert-1"], "the alert is told again")


def test_an_outage_of_one_service(here: Place, hook: WebServer) -> None:
    """While one service is away the other is told; the one is told all later, in order, and nobody twice."""
    with web_server() as away:
        away.decide = lambda _: 503
        with here.running(hook.url, away.url) as notify:
            here.write("alerts", *(alert(number) for number in range(5)))
            wait_for(lambda: len(keys(hook)) == 5, "the service that answers is told")
            assert away.accepted == []
            wait_for(lambda: "notice.retry" in notify.log, "the retry is logged")
            away.decide = lambda _: 200
            wait_for(lambda: len(keys(away)) == 5, "the other is told after the outage")
            assert notify.stop() == 0
        assert sorted(keys(away)) == sorted(keys(hook)) == [f"alert-{number}" for number in range(5)]


def test_a_restart_in_an_outage(here: Place, hook: WebServer) -> None:
    """A restart while one service is away tells the other nothing twice: the group knows how far each has come."""
    with web_server() as away:
        away.decide = lambda _: 503
        with here.running(hook.url, away.url) as notify:
            here.write("alerts", *(alert(number) for number in range(5)))
            wait_for(lambda: len(keys(hook)) == 5, "the service that answers is told")
            wait_for(lambda: away.requests, "the other is tried")
            assert notify.stop() == 0
        away.decide = lambda _: 200
        with here.running(hook.url, away.url) as notify:
            wait_for(lambda: len(keys(away)) == 5, "the other is told")
            assert notify.stop() == 0
    assert len(keys(hook)) == 5


def test_what_a_service_refuses(here: Place, hook: WebServer) -> None:
    """A text that a service refuses comes once more in short; what it refuses even so is named, counted and exit 1."""
    hook.decide = lambda request: 400 if "took root" in request.text or is_about(request, "alert-2") else 200
    with here.running(hook.url, "--give-up-after", "1s") as notify:
        here.write("alerts", alert(1), alert(2), alert(3))
        wait_for(lambda: len(keys(hook)) == 2 and "notice.refused" in notify.log, "all three have an outcome")
        assert notify.stop() == 1
    assert sorted(keys(hook)) == ["alert-1", "alert-3"]
    refused = next(line for line in notify.log.splitlines() if "notice.refused" in line)
    assert "alert-2" in refused
    assert "HTTP 400" in refused
    assert "notice.shortened" in notify.log


def test_threshold_and_overflow(here: Place, hook: WebServer) -> None:
    """Below the threshold nobody is told; an overflow of many alerts is one notice; an unknown severity is told."""
    with here.running(hook.url, "--severity", "high") as notify:
        here.write("alerts", alert(1), alert(2, severity="high"), alert(3, severity="odd"))
        here.write("alerts.overflow", *(alert(number, severity="high") for number in range(100, 120)))
        wait_for(lambda: len(keys(hook)) == 3, "two alerts and one overflow are told")
        assert notify.stop() == 0
    assert sorted(request.document["kind"] for request in hook.accepted) == ["alert", "alert", "overflow"]
    assert {"alert-2", "alert-3"} < set(keys(hook))


def test_sessions(here: Place, hook: WebServer) -> None:
    """A session is told under its alert's id; daily work without an alert is not told; --no-sessions tells none."""
    sessions = [samples.summary_bytes(alert_id="alert-1"), samples.summary_bytes(session_id="b", alert_id=None)]
    with here.running(hook.url) as notify, here.running(hook.url, "--no-sessions", "--group", f"{here.prefix}-2"):
        here.write("session-summaries", *sessions)
        here.write("alerts", alert(1))
        wait_for(lambda: len(keys(hook)) == 3, "one session and twice the alert are told")
        assert notify.stop() == 0
    (session,) = [request for request in hook.accepted if request.document["kind"] == "session"]
    assert (session.document["thread"], session.document["alert_id"]) == ("alert-1", "alert-1")
    assert "alert-1 (user/alice on 222222222222" in session.document["message"]


def test_an_unreadable_value(here: Place, hook: WebServer) -> None:
    """A value that is no alert is named with its place, counted, and holds nothing up; the exit code is 1."""
    with here.running(hook.url) as notify:
        here.write("alerts", b"no alert", alert(1))
        wait_for(lambda: "record.unreadable" in notify.log and keys(hook) == ["alert-1"], "both have an outcome")
        assert notify.stop() == 1


def test_dry_run(here: Place, hook: WebServer) -> None:
    """--dry-run prints each notice that would be sent, sends none, commits nothing and ends."""
    here.write("alerts", alert(1), alert(2))
    done = here.ran("--dry-run", hook.url, f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET.replace('-', '')}0123456789abcd")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("--- alert alert-1 (low) to ") == 2  # plain for the one, Markdown for the other
    assert "\nWho: arn:aws:iam::111111111111:user/alice" in done.stdout
    assert "- **Who:** `arn:aws:iam::111111111111:user/alice" in done.stdout
    assert hook.requests == []
    assert SECRET.replace("-", "") not in done.stdout


def test_secrets_stay_out_of_the_log(here: Place, tmp_path: Path) -> None:
    """URLs from files: no part of one that may be secret is logged, whether the service refuses or is not there."""
    with web_server() as refuses:
        refuses.decide = lambda _: 403
        secrets = tmp_path / "secrets"
        gone = f"json://{SECRET}:{SECRET}@127.0.0.1:9/{SECRET}"
        secrets.write_text(
            f"# who is told\njson://u:{SECRET}@127.0.0.1:{refuses.port}/{SECRET}?+X-Key={SECRET}\n{gone}\n"
        )
        with here.running(f"file:{secrets}") as notify:
            here.write("alerts", alert(1))
            wait_for(lambda: "HTTP 403" in notify.log and "no answer" in notify.log, "both have failed")
            notify.process.send_signal(signal.SIGINT)
            assert notify.process.wait(60) == 130
        assert refuses.requests[0].path == f"/{SECRET}"
    assert SECRET not in notify.log


def test_a_missing_topic(broker: RunningBroker, names: Names, tmp_path: Path, hook: WebServer) -> None:
    """A missing alert topic is exit 1 and one line that names it."""
    done = Place(broker, names, tmp_path, topics=()).ran(hook.url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"rootwatch: topic {names.topic_prefix}.alerts: Describe: ")


def test_a_standby_takes_over(here: Place, hook: WebServer) -> None:
    """Two processes share the partitions; when one is killed the other tells what comes, and what was not committed."""
    with here.running(hook.url) as first, here.running(hook.url):
        here.write("alerts", alert(1), alert(2))
        wait_for(lambda: {"alert-1", "alert-2"} <= set(keys(hook)), "both partitions are told")
        first.process.kill()
        here.write("alerts", alert(3), alert(4))
        wait_for(lambda: {"alert-3", "alert-4"} <= set(keys(hook)), "the other one tells both partitions")
