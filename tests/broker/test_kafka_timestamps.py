"""A worker and a replay judge records without a producer's time alike."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

NONE, ZERO, YEAR_ONE = -1, 0, -62_135_596_800_000
NOW = time.time_ns() // 1_000_000
EVENT_TIME = "2026-03-01T10:00:00Z"


def deploy(broker: RunningBroker, names: Names, folder: Any, stamps: list[int], **settings: str) -> Deployment:
    """A deployment with a sighting per timestamp in its source topic, each on its own account."""
    broker.create_topic(names.source_topic, partitions=1)
    made = Deployment(broker.bootstrap, names, folder, settings)
    made.apply_topics()
    asyncio.run(_send(broker.bootstrap, names.source_topic, stamps))
    return made


async def _send(bootstrap: str, topic: str, stamps: list[int]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)  # librdkafka replaces 0 with the present
    await producer.start()
    try:
        for number, stamp in enumerate(stamps):
            value = json.dumps(assume_root(account=account(number), time=EVENT_TIME)).encode()
            sent = await producer.send_and_wait(topic, value, timestamp_ms=stamp)
            assert sent.offset == number
    finally:
        await producer.stop()


def account(number: int) -> str:
    return f"{number + 1:012d}"


def backtest(deployment: Deployment, *options: str) -> tuple[dict[str, Any], str]:
    """Replay the source topic; return the alerts by member account, and stderr."""
    done = deployment.run("backtest", "--topic", deployment.names.source_topic, *options)
    assert done.returncode == 0, done.stderr
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    return {alert["member_account"]["id"]: alert for alert in alerts}, done.stderr


def live(deployment: Deployment) -> tuple[dict[str, Any], dict[bytes, str]]:
    """Run a worker on the source topic; return alerts by member account, and errors of dead letters by offset."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert "rootwatch_last_record_timestamp_seconds{" in worker.get("/metrics")[1].decode()
        assert worker.terminate() == 0, worker.tail()
    letters = [dict(letter.headers()) for letter in deployment.read(f"{deployment.topic}.dead-letter")]
    return (
        {alert["member_account"]["id"]: alert for alert in deployment.alerts()},
        {letter["offset"]: letter["error"].decode() for letter in letters},
    )


def test_live_and_replay_agree_on_records_without_a_time(broker: RunningBroker, names: Names, tmp_path: Any) -> None:
    """T5: without a Kafka timestamp nothing is compared; 0 and year 1 are dead letters that explain it."""
    deployment = deploy(broker, names, tmp_path, [NONE, ZERO, YEAR_ONE, NOW])
    alerts, errors = live(deployment)
    assert alerts.keys() == {account(0), account(3)}
    assert alerts[account(0)]["origin"]["timestamp"] == NONE
    assert errors.keys() == {b"1", b"2"}
    assert "0 (1970-01-01T00:00:00.000Z): the producer set none" in errors[b"1"]
    assert "(0001-01-01T00:00:00.000Z): the producer set none" in errors[b"2"]

    replayed, words = backtest(deployment)
    assert {name: alert["alert_id"] for name, alert in replayed.items()} == {
        name: alert["alert_id"] for name, alert in alerts.items()
    }
    assert replayed[account(0)]["origin"]["timestamp"] is None
    assert all(error in words for error in errors.values())
    topic = deployment.names.source_topic
    assert deployment.run("backtest", "--topic", topic, "--compare", f"{deployment.topic}.alerts").returncode == 0


def test_by_the_record_clock_such_a_record_has_no_time(broker: RunningBroker, names: Names, tmp_path: Any) -> None:
    """M4: with clock = record a success without a Kafka timestamp is incomplete, live and in a replay."""
    deployment = deploy(broker, names, tmp_path, [NONE, NOW], clock="record")
    alerts, errors = live(deployment)
    assert alerts.keys() == {account(1)}
    assert errors == {b"0": 'no Kafka timestamp, which is the time where clock = "record"'}
    replayed, words = backtest(deployment)
    assert replayed.keys() == alerts.keys()
    assert errors[b"0"] in words


def test_a_replay_of_a_span_takes_such_a_record_by_its_event_time(
    broker: RunningBroker, names: Names, tmp_path: Any
) -> None:
    """P9: --from and --to apply to Kafka timestamps; a record without one is selected by its event time.

    This is true even if no record of a partition has a timestamp, so that Kafka's index finds nothing.
    """
    deployment = deploy(broker, names, tmp_path, [NONE, NONE])
    for options, expected in (
        (["--from", "2026-03-01"], 2),
        (["--from", "2026-03-02"], 0),
        (["--from", "2026-03-01", "--to", "2026-03-02"], 2),
        (["--to", "2026-03-01"], 0),
    ):
        assert len(backtest(deployment, *options)[0]) == expected, options
