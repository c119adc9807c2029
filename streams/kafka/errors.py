"""Which of Kafka's errors pass by themselves.

confluent-kafka tells it only for errors of transactions: ``KafkaError.retriable()`` is false for all others, also for a
leader that is being elected. So the codes are listed here, from the "retriable" column of the protocol guide
(kafka.apache.org/protocol, "Error Codes"), without those that a topic that does not exist gives, too.
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
    """Whether the same request may succeed a little later: the cluster's own state is in the way, not what was asked.

    librdkafka's local errors (negative codes) are not judged here: what they mean depends on the call.
    """
    return error.retriable() or error.code() in _RETRIABLE
