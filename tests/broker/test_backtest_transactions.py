"""Topics of transactional producers: a replay reads committed records, ends, and names the uncommitted ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from confluent_kafka import Producer
from replay_records import Ran, record, run

from streams.kafka.readers.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

NEW_YEAR = 1_767_225_600_000  # of 2026


class Command(Protocol):
    """Runs a command of rootwatch on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def rootwatch(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    names: Names,
    tmp_path: Path,
) -> Command:
    """The command line on the broker; an open transaction is given up at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("streams.backtest.sources.topic.OPEN_SECONDS", 0.0)
    for name in ("TOPIC_PREFIX", "GROUP_ID"):
        monkeypatch.setenv(f"ROOTWATCH_{name}", names.topic_prefix)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    return lambda *arguments: run(capsysbinary, monkeypatch, *arguments)


class Transactions:
    """A transactional producer to partition 0 of a topic; the test says when each transaction ends."""

    def __init__(self, broker: RunningBroker, topic: str) -> None:
        """Begin none yet."""
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic})
        self._producer.init_transactions(60)

    def write(self, *values: bytes, timestamp: int = 0) -> None:
        """Begin a transaction and write into it, at a Kafka time (0 is now); returns when the broker has it all."""
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(self._topic, value, partition=0, timestamp=timestamp)
        assert self._producer.flush(60) == 0

    def commit(self) -> None:
        """Commit it."""
        self._producer.commit_transaction(60)

    def abort(self) -> None:
        """Abort it."""
        self._producer.abort_transaction(60)


@pytest.fixture
def topic(broker: RunningBroker, names: Names) -> str:
    """A source topic of one partition."""
    return broker.create_topic(names.source_topic, 1)


@pytest.fixture
def transactions(broker: RunningBroker, topic: str) -> Transactions:
    return Transactions(broker, topic)


def on_account(number: int) -> bytes:
    """A use of root on an account of its own."""
    return json.dumps(record("2026-01-01T00:00:00Z", account=f"{number:012d}")).encode()


def accounts(ran: Ran) -> list[int]:
    return sorted(int(account) for _, account, _ in ran.outlines())


def test_a_replay_stops_before_an_open_transaction(rootwatch: Command, topic: str, transactions: Transactions) -> None:
    """Records in and after an open transaction are not read: topic, partition and offset are named, exit 1."""
    transactions.write(on_account(1), on_account(2), timestamp=NEW_YEAR)
    transactions.commit()  # offsets 0 and 1, and the marker
    transactions.write(on_account(3))
    said = f"truncated    {topic}[0]: a transaction is open from offset 3 on; offsets 3 to 3 are not read\n"
    ran = rootwatch("backtest", "--topic", topic)
    assert (ran.code, accounts(ran)) == (1, [1, 2])
    assert said in ran.err
    ran = rootwatch("backtest", "--topic", topic, "--allow-truncated")
    assert (ran.code, accounts(ran), said in ran.err) == (0, [1, 2], True)
    for options in (["--from-offset", "0:3"], ["--from", "2026-02-01"], ["--to-offset", "0:4", "--from-offset", "0:3"]):
        ran = rootwatch("backtest", "--topic", topic, *options)
        assert (ran.code, accounts(ran), said in ran.err) == (1, [], True), options
    bounded = rootwatch("backtest", "--topic", topic, "--to-offset", "0:3")
    assert (bounded.code, accounts(bounded), "truncated" in bounded.err) == (0, [1, 2], False)
    transactions.commit()
    ran = rootwatch("backtest", "--topic", topic)
    assert (ran.code, accounts(ran), "truncated" in ran.err) == (0, [1, 2, 3], False)


@pytest.mark.parametrize("committed", [0, 2])
def test_what_was_taken_back_alerts_nowhere(
    rootwatch: Command, topic: str, transactions: Transactions, committed: int
) -> None:
    """A topic that ends with markers and aborted records, or holds nothing else, is read to its end."""
    if committed:
        transactions.write(*map(on_account, range(committed)))
        transactions.commit()
    for number in range(10, 13):
        transactions.write(on_account(number), on_account(number))
        transactions.abort()
    ran = rootwatch("backtest", "--topic", topic)
    assert (ran.code, accounts(ran)) == (0, list(range(committed)))
    assert f"messages     {committed}\n" in ran.err


def test_pieces_of_a_topic_end_before_an_open_transaction(
    rootwatch: Command, topic: str, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M9: several processes read the same as one, and none waits for the transaction."""
    monkeypatch.setattr("streams.backtest.sources.topic.SMALL_TOPIC", 0)
    for number in range(4):
        transactions.write(*map(on_account, range(number * 5, number * 5 + 5)))
        transactions.commit()
        transactions.write(*map(on_account, range(100, 105)))
        transactions.abort()
    transactions.write(*map(on_account, range(200, 240)))
    runs = [rootwatch("backtest", "--topic", topic, "--processes", processes) for processes in (1, 2, 3)]
    assert [(ran.code, accounts(ran)) for ran in runs] == [(1, list(range(20)))] * 3
    assert len({ran.out for ran in runs}) == 1
    assert all("a transaction is open from offset 48 on; offsets 48 to 87 are not read\n" in ran.err for ran in runs)


def test_a_transaction_that_ends_meanwhile_is_read(
    rootwatch: Command, topic: str, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that commits all the time always has a transaction open: the replay gives it time to end."""
    looks = []

    def watermarks(connection: Connection, topic: str, partition: int) -> tuple[int, int]:
        looks.append(of_the_broker(connection, topic, partition))
        if len(looks) == 2:  # the end, then how much of it is committed
            transactions.commit()
        return looks[-1]

    of_the_broker = Connection.watermarks
    monkeypatch.setattr(Connection, "watermarks", watermarks)
    monkeypatch.setattr("streams.backtest.sources.topic.OPEN_SECONDS", 60.0)
    transactions.write(on_account(1))
    ran = rootwatch("backtest", "--topic", topic)
    assert (ran.code, accounts(ran)) == (0, [1])
    assert looks[:2] == [(0, 1), (0, 0)]


def test_warm_up_says_the_same(
    rootwatch: Command, broker: RunningBroker, names: Names, topic: str, transactions: Transactions
) -> None:
    """A baseline without the uncommitted records is exit 1, unless that is allowed."""
    broker.create_topic(f"{names.topic_prefix}.sightings", 1)
    transactions.write(on_account(1))
    transactions.commit()
    transactions.write(on_account(2))
    ran = rootwatch("warm-up", "--topic", topic)
    assert (ran.code, "seeded       1 sightings" in ran.err) == (1, True)
    assert f"{topic}[0]: a transaction is open from offset 2 on; offsets 2 to 2 are not read" in ran.err
    assert rootwatch("warm-up", "--topic", topic, "--allow-truncated").code == 0


def test_commands_that_read_to_the_end_end(rootwatch: Command, broker: RunningBroker, names: Names) -> None:
    """`alerts` and `state` end before an open transaction."""
    for name in (f"{names.topic_prefix}.alerts", f"{names.topic_prefix}-memory-changelog"):
        open_one = Transactions(broker, broker.create_topic(name, 1))
        open_one.write(b"not committed")
        open_one.abort()
        open_one.write(b"not committed")
    assert (rootwatch("alerts").code, rootwatch("alerts", "--from", "2026-01-01").code) == (0, 0)
    nothing = rootwatch("state", "arn:aws:iam::111111111111:user/alice")
    assert (nothing.code, "nothing is remembered" in nothing.err) == (1, True)
    assert rootwatch("backtest", "--topic", f"{names.topic_prefix}.alerts", "--allow-truncated").code == 0
