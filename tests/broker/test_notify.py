from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import notice_samples as samples
import pytest
from confluent_kafka import Producer
from notice_servers import mail_server, web_server
from worker_process import wait_for

from streams.errors import SourceError
from streams.notices.dry_run import previews
from streams.notices.follow import Follower, FollowSettings, Services
from streams.notices.messages.compose import Choice
from streams.notices.messages.notice import Threshold
from streams.notices.sending.addresses import read_addresses
from streams.notices.sending.sender import Patience
from streams.notices.sending.service import AppriseService
from streams.settings import Settings
from streams.wire.alert import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kafka_broker import Names, RunningBroker
    from notice_servers import Request, WebServer

    from streams.kafka.readers.published import UnreadableValue

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
WRITTEN = 1_700_000_000_000
SECRET = "s3cret-p4th"  # noqa: S105  nobody's
QUICK = Patience(first=0.05, longest=0.2, refused=0.05, give_up=inf)


class Following:
    """A follower that runs in a thread of its own; ``reached_all`` is what it returned, once it has ended."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.reached_all: bool | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.reached_all = self.follower.run()

    @property
    def has_begun(self) -> bool:
        """Whether the group's beginning is settled; fails if it ended before."""
        assert self._thread.is_alive()
        return self.follower.has_begun

    def stop(self) -> bool | None:
        """Let it finish and end; returns whether everybody was told everything."""
        self.follower.stop()
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self.reached_all

    def outcomes(self, service: str) -> dict[str, int]:
        """How often each outcome was, of one service."""
        return {outcome: count for (name, outcome), count in self.follower.counts.items() if name == service}


class Place:
    """The topics of one deployment, and who follows them."""

    def __init__(self, broker: RunningBroker, names: Names) -> None:
        self.broker = broker
        self.prefix = names.topic_prefix
        self.settings = Settings(
            bootstrap_servers=broker.bootstrap,
            topic_prefix=names.topic_prefix,
            group_id=names.group_id,
            session_timeout="6s",
        )

    def write(self, topic: str, *values: bytes) -> None:
        """Write values to a topic, and wait for the broker."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        for number, value in enumerate(values):
            producer.produce(f"{self.prefix}.{topic}", value, str(number), timestamp=WRITTEN + number)
        assert producer.flush(60) == 0

    @contextmanager
    def following(
        self, *urls: str, choice: Choice | None = None, patience: Patience = QUICK, since: int | None = None
    ) -> Iterator[Following]:
        """A follower that tells these URLs, from when the group's beginning is settled until the end of the block."""
        addresses = read_addresses(urls)
        follower = Follower(
            self.settings,
            FollowSettings(f"{self.settings.group_id}-notify", since, choice or Choice(), patience),
            Services([AppriseService(address) for address in addresses], [address.id for address in addresses]),
        )
        following = Following(follower)
        try:
            wait_for(lambda: following.has_begun, "the follower begins")
            yield following
        finally:
            following.stop()


@pytest.fixture
def here(broker: RunningBroker, names: Names) -> Place:
    for topic in ("alerts", "alerts.overflow", "session-summaries"):
        broker.create_topic(f"{names.topic_prefix}.{topic}", 2)
    return Place(broker, names)


@pytest.fixture
def hook() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def alert(number: int, **changes: Any) -> bytes:
    return encode(samples.alert(alert_id=f"alert-{number}", **changes))


def numbered(numbers: Sequence[int]) -> list[str]:
    return [f"alert-{number}" for number in numbers]


def keys(server: WebServer) -> list[str]:
    """The deduplication keys of what a server has taken."""
    return [request.document["key"] for request in server.accepted]


def is_about(request: Request, key: str) -> bool:
    return bool(request.document["key"] == key)


def test_each_alert_is_told_once(here: Place, hook: WebServer) -> None:
    """A new group begins with what comes; every service is told each alert; the next run goes on where this ended."""
    here.write("alerts", alert(0))
    with mail_server() as mail, here.following(hook.url, mail.url) as following:
        here.write("alerts", *(alert(number) for number in range(1, 6)))
        wait_for(lambda: len(keys(hook)) == len(mail.mails) == 5, "five alerts are told")
        assert following.stop() is True
        assert following.outcomes("json-1") == following.outcomes("mailto-2") == {"sent": 5}
    with here.following(hook.url) as following:
        here.write("alerts", alert(6))
        wait_for(lambda: "alert-6" in keys(hook), "the next alert is told")
        assert following.stop() is True
    assert sorted(keys(hook)) == numbered(range(1, 7))


def test_from(here: Place, hook: WebServer) -> None:
    """A group begins with what was written since a time; a later run goes on where the group is, whatever the time."""
    here.write("alerts", alert(0), alert(1), alert(2), alert(3))
    for number in (4, 5):
        with here.following(hook.url, since=WRITTEN + 2):
            here.write("alerts", alert(number))
            wait_for(lambda number=number: f"alert-{number}" in keys(hook), "the new alert is told")
            wait_for(lambda: {"alert-2", "alert-3"} <= set(keys(hook)), "the alerts since then are told")
    assert sorted(keys(hook)) == numbered(range(2, 6))


def test_an_outage_of_one_service(here: Place, hook: WebServer) -> None:
    """While one service is away the other is told; the one is told all later, and nobody twice."""
    with web_server() as away:
        away.decide = lambda _: 503
        with here.following(hook.url, away.url) as following:
            here.write("alerts", *(alert(number) for number in range(5)))
            wait_for(lambda: len(keys(hook)) == 5, "the service that answers is told")
            assert away.accepted == []
            away.decide = lambda _: 200
            wait_for(lambda: len(keys(away)) == 5, "the other is told after the outage")
            assert following.stop() is True
        assert sorted(keys(away)) == sorted(keys(hook)) == numbered(range(5))


def test_a_restart_in_an_outage(here: Place, hook: WebServer) -> None:
    """A restart while one service is away tells the other nothing twice: the group knows how far each has come."""
    with web_server() as away:
        away.decide = lambda _: 503
        with here.following(hook.url, away.url):
            here.write("alerts", *(alert(number) for number in range(5)))
            wait_for(lambda: len(keys(hook)) == 5, "the service that answers is told")
            wait_for(lambda: away.requests, "the other is tried")
        away.decide = lambda _: 200
        with here.following(hook.url, away.url):
            wait_for(lambda: len(keys(away)) == 5, "the other is told")
            here.write("alerts", alert(5))
            wait_for(lambda: "alert-5" in keys(hook), "the next alert is told")
    assert sorted(keys(hook)) == numbered(range(6))


def test_what_a_service_refuses(here: Place, hook: WebServer) -> None:
    """A text that a service refuses comes again in short; what it refuses even so is counted, and the rest goes on."""
    hook.decide = lambda request: 400 if "took root" in request.text or is_about(request, "alert-2") else 200
    with here.following(hook.url, patience=QUICK._replace(give_up=0.1)) as following:
        here.write("alerts", alert(1), alert(2), alert(3))
        wait_for(lambda: sum(following.outcomes("json-1").values()) == 3, "all three have an outcome")
        assert following.stop() is False
        assert following.outcomes("json-1") == {"shortened": 2, "refused": 1}
    assert sorted(keys(hook)) == ["alert-1", "alert-3"]


def test_threshold_and_overflow(here: Place, hook: WebServer) -> None:
    """Below the threshold nobody is told; an overflow of many alerts is one notice; an unknown severity is told."""
    with here.following(hook.url, choice=Choice(Threshold("high"))):
        here.write("alerts.overflow", *(alert(number, severity="high") for number in range(100, 120)))
        here.write("alerts", alert(1), alert(2, severity="high"), alert(3, severity="odd"))
        wait_for(lambda: len(keys(hook)) == 3, "two alerts and one overflow are told")
    assert sorted(request.document["kind"] for request in hook.accepted) == ["alert", "alert", "overflow"]
    assert {"alert-2", "alert-3"} < set(keys(hook))


def test_sessions_and_unreadable_values(here: Place, hook: WebServer) -> None:
    """A session is told in its alert's thread, one of daily work is not; a value that is no alert is counted."""
    with here.following(hook.url) as following:
        daily = samples.summary_bytes(session_id="daily", alert_id=None)
        here.write("session-summaries", daily, samples.summary_bytes(alert_id="alert-1"))
        here.write("alerts", b"no alert", alert(1))
        wait_for(lambda: len(keys(hook)) == 2 and following.outcomes(""), "all have an outcome")
        assert following.stop() is False
        assert following.outcomes("") == {"unreadable": 1}
    (session,) = [request.document for request in hook.accepted if request.document["kind"] == "session"]
    assert (session["thread"], session["alert_id"]) == ("alert-1", "alert-1")
    assert "alert-1 (user/alice on 222222222222" in session["message"]


def test_dry_run(here: Place, hook: WebServer) -> None:
    """A dry run has each notice that would be sent, as each service is told it; it sends none and names no URL."""
    here.write("alerts", alert(1), alert(2))
    here.write("alerts.overflow", b"no alert", alert(3), alert(4))
    urls = (hook.url, f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET.replace('-', '')}0123456789abcd")
    services = [AppriseService(address) for address in read_addresses(urls)]
    unreadable: list[UnreadableValue] = []
    shown = [str(preview) for preview in previews(here.settings, Choice(), services, None, unreadable.append)]
    heads = [text.split(" (")[0] for text in shown]
    # One for the service that takes plain text, one for that of Markdown.
    assert heads.count("--- alert alert-1") == heads.count("--- alert alert-2") == 2
    assert sum(head.startswith("--- overflow ") for head in heads) == 2
    assert len(heads) == 6
    assert any("\nWho: arn:aws:iam::111111111111:user/alice" in text for text in shown)
    assert any("\n- **Who:** `arn:aws:iam::111111111111:user/alice" in text for text in shown)
    assert len(unreadable) == 1
    assert hook.requests == []
    assert SECRET.replace("-", "") not in "".join(shown)


def test_a_missing_topic(broker: RunningBroker, names: Names) -> None:
    """A missing alert topic is named."""
    follow = FollowSettings(f"{names.group_id}-notify", None, Choice(), QUICK)
    with pytest.raises(SourceError, match=rf"topic {names.topic_prefix}\.alerts: there is no such topic"):
        Follower(Place(broker, names).settings, follow, Services((), ())).run()


@contextmanager
def process(here: Place, folder: Path, urls: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The command itself, with these URLs in a file, from when it follows until the end of the block; and its log."""
    (folder / "rootwatch.toml").write_text(
        f"bootstrap_servers = '{here.broker.bootstrap}'\ntopic_prefix = '{here.prefix}'\n"
        f"group_id = '{here.settings.group_id}'\nsession_timeout = '6s'\n"
    )
    (folder / "urls").write_text(urls)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
    log = folder / f"{len(list(folder.glob('*.log')))}.log"
    command = [str(ROOTWATCH), "notify", "file:urls"]
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stderr=stderr, text=True, cwd=folder, env=environment) as started,  # noqa: S603  ours
    ):
        try:
            wait_for(lambda: "notify.started" in log.read_text() or started.poll() is not None, "notify starts")
            yield started, log
        finally:
            started.kill()


def test_killed_between_send_and_commit(here: Place, hook: WebServer, tmp_path: Path) -> None:
    """A kill after the service has taken an alert and before the commit repeats it, with the same key; none is lost."""
    taken, goes_on = threading.Event(), threading.Event()

    def hold(request: Request) -> int:
        if is_about(request, "alert-1"):
            taken.set()
            goes_on.wait(120)  # the service has it, and its answer never arrives
        return 200

    hook.decide = hold
    with process(here, tmp_path, f"{hook.url}?rto=120") as (notify, _):
        here.write("alerts", alert(1))
        assert taken.wait(120)
        notify.kill()
        notify.wait(60)
    goes_on.set()
    wait_for(lambda: keys(hook) == ["alert-1"], "the service has taken the alert")
    here.write("alerts", alert(2))  # while nothing runs
    with here.following(f"{hook.url}?rto=120"):
        wait_for(lambda: len(keys(hook)) == 3, "both alerts are told")
    assert sorted(keys(hook)) == ["alert-1", "alert-1", "alert-2"]


def test_the_command(here: Place, hook: WebServer, tmp_path: Path) -> None:
    """It takes URLs of a file; SIGTERM ends it with 0; no part of a URL that may be secret is in its log."""
    with web_server() as refuses:
        refuses.decide = lambda _: 403
        urls = (
            f"# who is told\n{hook.url}\njson://u:{SECRET}@127.0.0.1:{refuses.port}/{SECRET}?+X-Key={SECRET}\n"
            f"json://{SECRET}:{SECRET}@127.0.0.1:9/{SECRET}\n"
        )
        with process(here, tmp_path, urls) as (notify, log):
            here.write("alerts", alert(1))
            wait_for(lambda: "HTTP 403" in log.read_text() and "no answer" in log.read_text(), "two have failed")
            wait_for(lambda: keys(hook) == ["alert-1"], "the third is told")
            notify.send_signal(signal.SIGTERM)
            assert notify.wait(60) == 0
    assert "notice.sent" in log.read_text()
    assert "json-1 sent" in log.read_text()
    assert SECRET not in log.read_text()


def test_a_standby_takes_over(here: Place, hook: WebServer, tmp_path: Path) -> None:
    """Two members share the partitions; when one is killed the other tells what comes, and what was not committed."""
    with process(here, tmp_path, hook.url) as (first, _), here.following(hook.url):
        here.write("alerts", alert(1), alert(2))
        wait_for(lambda: {"alert-1", "alert-2"} <= set(keys(hook)), "both partitions are told")
        first.kill()
        here.write("alerts", alert(3), alert(4))
        wait_for(lambda: {"alert-3", "alert-4"} <= set(keys(hook)), "the other one tells both partitions")
