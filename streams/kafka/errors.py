"""Which of Kafka's errors end by themselves.

``KafkaError.retriable()`` is true only for errors of transactions; it is false even while a leader is being elected. So
the codes are listed here, from the "retriable" column of the protocol guide (kafka.apache.org/protocol, "Error Codes").
Codes that a missing topic also gives are left out.
"""

from __future__ import annotations

from confluent_kafka import KafkaError

_RETRIABLE = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_CONTROLLER,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
    KafkaError.THROTTLING_QUOTA_EXCEEDED,
}


def is_retriable(error: KafkaError) -> bool:
    """Whether the same request may succeed a little later, because the cause is the state of the cluster.

    librdkafka's local errors (negative codes) are not judged here: their meaning depends on the call.
    """
    return error.retriable() or error.code() in _RETRIABLE
