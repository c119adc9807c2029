"""``rootwatch backtest --topic`` on the real broker: offsets, times, truncation, refusals, and no trace left behind."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec
from replay_records import Ran, ordinary, record, run
from sightings import RULES

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.sources.topic_task import Slice, TopicTask
from streams.pipeline import ExtractSettings
from streams.settings import Settings
from streams.wire import sighting as codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka_broker import Broker, Names, RunningBroker


UNMARKED = "without any mark of the rule: only first and last bytes checked; --thorough parses them"


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    names: Names,
    tmp_path: Any,
) -> Backtest:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    monkeypatch.setenv("ROOTWATCH_TOPIC_PREFIX", names.topic_prefix)
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", *arguments)


def at(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def produce(
    broker: RunningBroker, topic: str, records: Iterable[tuple[int, int, bytes | None]], **options: Any
) -> None:
    """Produce (partition, timestamp in ms, value), in order."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5, **options})
    for partition, timestamp, value in records:
        producer.produce(topic, value, partition=partition, timestamp=timestamp)
        producer.poll(0)
    assert producer.flush(60) == 0


def daily(days: Iterable[int], partitions: int = 1) -> list[tuple[int, int, bytes]]:
    """One sighting per day of January 2026, each on an account of its own, spread over the partitions."""
    times = {day: f"2026-01-{day:02d}T00:00:00Z" for day in days}
    return [
        (day % partitions, at(time), json.dumps(record(time, account=f"{day:012d}")).encode())
        for day, time in times.items()
    ]


def days(ran: Ran) -> list[int]:
    return [int(account) for _, account, _ in ran.outlines()]


def test_a_topic_gives_the_alerts_of_its_records_in_order_of_time(
    backtest: Backtest, broker: RunningBroker, names: Names
) -> None:
    """All partitions are read to their end and evaluated in order of time; alerts say where they came from."""
    topic = broker.create_topic(names.source_topic, 3)
    noise = [(n % 3, at("2026-01-01T00:00:00Z"), json.dumps(ordinary(n)).encode()) for n in range(50)]
    records = daily(range(28, 0, -1), 3)
    produce(broker, topic, [*noise, (0, at("2026-01-01T00:00:00Z"), None), *records, *noise])
    ran = backtest("--topic", topic)
    assert (ran.code, days(ran)) == (0, list(range(1, 29)))
    assert "messages     129\n" in ran.err
    assert {alert["origin"]["topic"] for alert in ran.alerts} == {topic}
    assert {alert["origin"]["partition"] for alert in ran.alerts} == {0, 1, 2}


def test_any_number_of_processes_gives_the_same_bytes(
    backtest: Backtest, broker: RunningBroker, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M9: a topic of fewer partitions than processes is cut into pieces, and nothing is lost or read twice."""
    monkeypatch.setattr("streams.backtest.sources.topic.SMALL_TOPIC", 0)
    topic = broker.create_topic(names.source_topic, 2)
    noise = [(n % 2, at("2026-01-01T00:00:00Z"), json.dumps(ordinary(n)).encode()) for n in range(997)]
    produce(broker, topic, [*noise, *daily(range(1, 29), 2), *noise])
    runs = [backtest("--topic", topic, "--processes", processes) for processes in (1, 2, 3)]
    assert [ran.code for ran in runs] == [0, 0, 0], [ran.err for ran in runs]
    assert len({ran.out for ran in runs}) == 1
    assert days(runs[0]) == list(range(1, 29))
    assert [ran.err.splitlines()[0] for ran in runs] == [f"messages     2,022 (1,994 {UNMARKED})"] * 3


def test_thorough_reading_names_what_is_wrong_without_a_mark(
    backtest: Backtest, broker: RunningBroker, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: in a large topic a broken message without a mark is malformed with --thorough only."""
    monkeypatch.setattr("streams.backtest.sources.topic.SMALL_TOPIC", 0)
    topic = broker.create_topic(names.source_topic, 1)
    produce(broker, topic, [*daily([1, 2]), (0, at("2026-01-03T00:00:00Z"), b'{"cut": }')])
    quick, thorough = (backtest("--topic", topic, *options) for options in ([], ["--thorough"]))
    assert quick.out == thorough.out != b""
    assert "malformed    0\n" in quick.err
    assert "malformed    1\n" in thorough.err
    assert f"{topic}[0]:2: malformed" in thorough.err


def test_offsets_are_from_inclusive_and_to_exclusive(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """P9: --to-offset is exclusive, and partitions that are not named are read whole."""
    topic = broker.create_topic(names.source_topic, 2)
    produce(broker, topic, daily(range(1, 11), 2))
    ran = backtest("--topic", topic, "--from-offset", "0:1", "--to-offset", "0:3,1:4")
    assert days(ran) == [1, 3, 4, 5, 6, 7]


def test_times_select_by_kafka_timestamp_whatever_its_order(
    backtest: Backtest, broker: RunningBroker, names: Names
) -> None:
    """P9: --from is inclusive, --to exclusive, by Kafka's timestamps; these need not ascend."""
    topic = broker.create_topic(names.source_topic, 1)
    shuffled = daily([3, 9, 1, 5, 8, 4, 2, 7, 6, 10])
    produce(broker, topic, shuffled)
    ran = backtest("--topic", topic, "--from", "2026-01-04", "--to", "2026-01-08T00:00:00Z")
    assert (ran.code, days(ran)) == (0, [4, 5, 6, 7])
    assert days(backtest("--topic", topic, "--from", "2026-02-01")) == []


def test_reading_stops_where_the_broker_stamps_records_beyond_to(
    backtest: Backtest, broker: RunningBroker, names: Names
) -> None:
    """If the broker stamps records, timestamps ascend: reading ends at --to, and all later records are left."""
    topic = broker.create_topic(names.source_topic, 1, message_timestamp_type="LogAppendTime")
    produce(broker, topic, daily([1]))
    ran = backtest("--topic", topic, "--to", "2026-01-02")
    assert "messages     0\n" in ran.err
    assert days(backtest("--topic", topic)) == [1]


def test_deleted_offsets_are_named_and_the_rest_read(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """A replay whose offsets are already deleted says so and from where it starts, gives its alerts, and exits 1."""
    topic = broker.create_topic(names.source_topic, 1)
    produce(broker, topic, daily(range(1, 11)))
    admin = broker.admin()  # kept until the result is there: a client without a reference gives up
    admin.delete_records([TopicPartition(topic, 0, 4)])[TopicPartition(topic, 0)].result(60)
    ran = backtest("--topic", topic, "--from-offset", "0:1")
    assert (ran.code, days(ran)) == (1, [5, 6, 7, 8, 9, 10])
    assert f"truncated    {topic}[0]: offsets 1 to 3 are already deleted; reading from 4 instead" in ran.err
    assert backtest("--topic", topic, "--from-offset", "0:1", "--allow-truncated").code == 0
    whole = backtest("--topic", topic)
    assert (whole.code, "truncated" in whole.err) == (0, False)
    for options in (["--to-offset", "0:3"], ["--from-offset", "0:0", "--to-offset", "0:3"]):
        gone = backtest("--topic", topic, *options)
        assert (gone.code, gone.alerts) == (1, [])
        assert f"truncated    {topic}[0]: offsets 0 to 2 are already deleted; none of them is left" in gone.err


def test_from_before_the_oldest_record_is_a_warning(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """A --from time before the oldest record gives a warning with that record's time, and no error."""
    topic = broker.create_topic(names.source_topic, 1)
    produce(broker, topic, daily(range(5, 8)))
    ran = backtest("--topic", topic, "--from", "2026-01-01")
    assert (ran.code, days(ran)) == (0, [5, 6, 7])
    assert "warning      " in ran.err
    assert "2026-01-05T00:00:00.000Z" in ran.err
    assert "warning" not in backtest("--topic", topic, "--from", "2026-01-06").err
    assert days(backtest("--topic", topic, "--from", "1969-12-31T23:59:59.999Z")) == [5, 6, 7]


def test_clock_record_orders_and_decides_by_kafka_time(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """M4: with --clock record the Kafka timestamp is the time."""
    topic = broker.create_topic(names.source_topic, 1)
    events = [("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("2026-01-01T00:00:10Z", "2026-01-20T00:00:00Z")]
    produce(broker, topic, [(0, at(kafka), json.dumps(record(event)).encode()) for event, kafka in events])
    assert [kind for *_, kind in backtest("--topic", topic).outlines()] == ["first"]
    assert [kind for *_, kind in backtest("--topic", topic, "--clock", "record").outlines()] == ["first", "returned"]


def test_event_time_far_after_kafka_time_is_incomplete(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """T5: an eventTime more than a day after the Kafka timestamp neither alerts nor teaches."""
    topic = broker.create_topic(names.source_topic, 1)
    value = json.dumps(record("2026-01-05T00:00:00Z")).encode()
    produce(broker, topic, [(0, at("2026-01-01T00:00:00Z"), value)])
    ran = backtest("--topic", topic)
    assert (ran.code, ran.alerts) == (0, [])
    assert f"{topic}[0]:0: incomplete" in ran.err


def test_sightings_topic_replays_under_other_settings(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """Sightings can be replayed, also with other settings than they were extracted with."""
    topic = broker.create_topic(f"{names.topic_prefix}.sightings", 1)
    two = record("2026-01-01T00:00:00Z", resources=[{"accountId": "333333333333"}, {"accountId": "444444444444"}])
    reader = Reader(ReadSettings(RULES, ExtractSettings(), thorough=True))
    reader.file([json.dumps({"Records": [two, record("2026-01-02T00:00:00Z")]}).encode()], "f")
    values = [codec.encode(sighting) for sighting in reader.sightings]
    produce(broker, topic, [(0, at("2026-01-03T00:00:00Z"), value) for value in [*values, *values]])
    assert backtest("--topic", topic).outlines() == [("2026-01-01T00:00:00", "222222222222", "first")]
    by_resources = backtest("--topic", topic, "--member-account", "resources")
    assert [account for _, account, _ in by_resources.outlines()] == ["333333333333", "444444444444"]


def test_malformed_values_are_counted_and_named(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """P7: malformed messages of a topic are counted and shown with partition and offset, exit 0."""
    topic = broker.create_topic(names.source_topic, 1)
    produce(
        broker, topic, [(0, at("2026-01-01T00:00:00Z"), b"\xc3\x01 no sighting"), *daily([1]), (0, 1, b"{AssumeRoot")]
    )
    ran = backtest("--topic", topic)
    assert (ran.code, days(ran)) == (0, [1])
    assert "malformed    2\n" in ran.err
    assert f"{topic}[0]:0: malformed" in ran.err
    assert f"{topic}[0]:2: malformed" in ran.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--from-offset", "7:0"], "no partition 7"),
        (["--from-offset", "0:11"], "--from-offset 0:11: out of range"),
        (["--to-offset", "0:11"], "--to-offset 0:11: out of range"),
        (["--from-offset", "0:5", "--to-offset", "0:3"], "--from-offset 0:5 is after --to-offset 0:3"),
    ],
)
def test_offsets_that_do_not_exist_are_named(
    options: list[str], named: str, backtest: Backtest, broker: RunningBroker, names: Names
) -> None:
    """A partition or offset that does not exist, or a start after the end, is an error that names it."""
    topic = broker.create_topic(names.source_topic, 1)
    produce(broker, topic, daily(range(1, 11)))
    ran = backtest("--topic", topic, *options)
    assert (ran.code, ran.out) == (2, b"")
    assert named in ran.err


def test_missing_topic_is_named(backtest: Backtest, names: Names) -> None:
    """A topic that does not exist is an error that names it."""
    ran = backtest("--topic", names.source_topic)
    assert (ran.code, ran.out) == (1, b"")
    assert names.source_topic in ran.err


def test_nothing_is_left_behind(backtest: Backtest, broker: RunningBroker, names: Names) -> None:
    """A replay joins no group, commits nothing and writes no topic."""
    topic = broker.create_topic(names.source_topic, 2)
    produce(broker, topic, daily(range(1, 5), 2))
    admin = broker.admin()
    assert days(backtest("--topic", topic)) == [1, 2, 3, 4]
    groups = admin.list_consumer_groups().result(60).valid
    assert [group.group_id for group in groups if "backtest" in group.group_id] == []
    # Other tests make their topics on the same broker meanwhile; each test's names carry its own prefix.
    assert [name for name in admin.list_topics(timeout=60).topics if names.topic_prefix in name] == [topic]
    ends = admin.list_offsets({TopicPartition(topic, number): OffsetSpec.latest() for number in (0, 1)})
    assert sorted(end.result(60).offset for end in ends.values()) == [2, 2]


def test_unreachable_broker_is_named(backtest: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not answer ends the command with exit 1, and its address is named."""
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr("streams.kafka.readers.connection.PATIENCE", 1.0)
    ran = backtest("--topic", "t")
    assert (ran.code, ran.out) == (1, b"")
    assert "127.0.0.1:9" in ran.err


def test_offsets_deleted_while_reading_are_named(broker: RunningBroker, names: Names) -> None:
    """Records that retention deletes after a replay has begun are named, and reading goes on after them."""
    topic = broker.create_topic(names.source_topic, 2)
    produce(broker, topic, daily(range(1, 21), 2))
    admin = broker.admin()
    admin.delete_records([TopicPartition(topic, 0, 4)])[TopicPartition(topic, 0)].result(60)
    task = TopicTask(Settings(bootstrap_servers=broker.bootstrap), topic, (Slice(0, 1, 10), Slice(1, 2, 10)))
    chunks = list(task.read(ReadSettings(RULES, ExtractSettings())))
    found = sorted(int(seen.member_account) for chunk in chunks for seen in chunk.sightings)
    assert found == sorted([*range(10, 21, 2), *range(5, 20, 2)])
    (told,) = [line for chunk in chunks for line in chunk.stats.truncated]
    assert told == f"{topic}[0]: records were deleted while they were being read; going on from offset 4"


def test_broker_that_goes_away_is_a_named_failure(own_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a broker goes away, that is a failure in the stats, so that what was read before is still reported."""
    monkeypatch.setattr("streams.backtest.sources.topic_task.PATIENCE", 1.0)
    own_broker.kill()
    task = TopicTask(Settings(bootstrap_servers=own_broker.bootstrap), "cloudtrail", (Slice(0, 0, 10),))
    (failure,) = [
        failure for chunk in task.read(ReadSettings(RULES, ExtractSettings())) for failure in chunk.stats.failures
    ]
    assert failure[0] == "topic cloudtrail"
    assert "nothing heard for 1 s" in failure[1]
