"""Records of aborted transactions never alert, and transaction markers leave no lag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from worker_process import Deployment, accounts, assume_root, pairs_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALICE = "arn:aws:iam::111111111111:user/alice"
OTHER = {"eventName": "GetObject", "eventSource": "s3.amazonaws.com"}


class Transactions:
    """A transactional producer to partition 0 of the source topic."""

    def __init__(self, deployment: Deployment, compression: str = "none") -> None:
        """Begin no transaction yet."""
        self._topic = deployment.names.source_topic
        self._producer = Producer(
            {
                "bootstrap.servers": deployment.bootstrap,
                "transactional.id": deployment.names.group_id,
                "compression.type": compression,
            }
        )
        self._producer.init_transactions(60)

    def write(self, records: Iterable[Any], topic: str | None = None) -> None:
        """Write records in a transaction that stays open; returns when the broker has them."""
        self._producer.begin_transaction()
        for record in records:
            value = record if isinstance(record, bytes) else json.dumps(record).encode()
            self._producer.produce(topic or self._topic, value, partition=0)
        assert self._producer.flush(60) == 0

    def commit(self) -> None:
        """Commit the transaction."""
        self._producer.commit_transaction(60)

    def abort(self) -> None:
        """Abort the transaction."""
        self._producer.abort_transaction(60)


def lag(metrics: bytes) -> float:
    """The worker's lag over all partitions."""
    samples = [line for line in metrics.decode().splitlines() if line.startswith("rootwatch_consumer_lag{")]
    return sum(float(line.rpartition(" ")[2]) for line in samples)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_what_was_taken_back_alerts_nowhere(deployment: Deployment, compression: str) -> None:
    """Committed records alert and aborted ones do not, whatever lies between them, and the lag returns to 0."""
    transactions = Transactions(deployment, compression)
    first, aborted, second, third, fourth = accounts(5)

    def ended(account: str, end: Callable[[], None], *more: Any) -> None:
        transactions.write([*more, assume_root(ALICE, account), *more])
        end()

    with deployment.worker() as worker:
        worker.wait_until_ready()
        ended(first, transactions.commit)
        ended(aborted, transactions.abort, OTHER, OTHER)
        ended(second, transactions.commit, OTHER)
        transactions.write([OTHER] * 3)
        transactions.abort()
        transactions.write([OTHER] * 3)
        transactions.commit()
        wait_for(deployment.all_done, "all is committed, markers included")
        assert pairs_of(deployment.alerts()) == {(ALICE, first), (ALICE, second)}
        assert wait_for(lambda: lag(worker.get("/metrics")[1]) == 0, "the lag is 0")

        transactions.write([assume_root(ALICE, third)])  # nothing past an open transaction is read
        deployment.produce([assume_root(ALICE, fourth)])
        wait_for(lambda: lag(worker.get("/metrics")[1]) > 0, "there is lag")
        transactions.commit()
        wait_for(deployment.all_done, "all is committed once the transaction has ended")
        assert pairs_of(deployment.alerts()) == {(ALICE, account) for account in (first, second, third, fourth)}
        assert worker.terminate() == 0, worker.tail()


def test_a_topic_of_nothing_but_what_was_taken_back(deployment: Deployment) -> None:
    """The position is committed even if no record is ever handed over, and a restart begins there."""
    transactions = Transactions(deployment)
    for _ in range(3):
        transactions.write([assume_root(ALICE), OTHER])
        transactions.abort()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(lambda: deployment.committed()[0] == deployment.ends()[0] == 9, "the end is committed")
        assert worker.terminate() == 0, worker.tail()
    assert deployment.read(f"{deployment.topic}.sightings") == []


def test_sightings_that_were_taken_back(deployment: Deployment) -> None:
    """Of the sightings topic, too, only committed records are read, and the markers are committed past."""
    topic = f"{deployment.topic}.sightings"
    first, second = accounts(2)
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([assume_root(ALICE, first)])
        wait_for(deployment.alerts, "the first alert")
        (sighting,) = deployment.read(topic)
        transactions = Transactions(deployment)
        transactions.write([sighting.value().replace(first.encode(), second.encode())], topic)
        transactions.abort()
        wait_for(deployment.all_done, "all is committed, the marker included")
        assert pairs_of(deployment.alerts()) == {(ALICE, first)}
        assert worker.terminate() == 0, worker.tail()
