from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer

from streams.kafka.security import producer_options
from streams.settings import Settings

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker


def test_both_clients_put_a_principal_in_the_same_partition(broker: RunningBroker, names: Names) -> None:
    """P6: confluent-kafka with our options sends 1,000 principals to the same partitions as Faust's aiokafka."""
    topic = broker.create_topic(names.source_topic, 8)
    producer = Producer(producer_options(Settings(bootstrap_servers=broker.bootstrap)))
    landed: dict[bytes, int] = {}
    principals = [f"arn:aws:iam::{number:012}:user/ünï-{number}".encode() for number in range(1_000)]
    for principal in principals:
        producer.produce(
            topic,
            b"",
            principal,
            on_delivery=lambda error, message: landed.update({message.key(): -1 if error else message.partition()}),
        )
    assert producer.flush(60) == 0
    partitioner, partitions = DefaultPartitioner(), list(range(8))
    assert landed == {principal: partitioner(principal, partitions, partitions) for principal in principals}
    assert len(set(landed.values())) == 8
