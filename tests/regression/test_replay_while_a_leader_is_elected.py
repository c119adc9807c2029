"""A replay gave up at once while a partition's leader was elected: the client marks no such error as retriable."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.errors import SourceError
from streams.kafka.readers.connection import Connection
from streams.settings import Settings


def _asked(codes: list[int], monkeypatch: pytest.MonkeyPatch) -> str:
    """The result of a question to a cluster that first answers with these errors."""
    monkeypatch.setattr("streams.kafka.readers.connection.PATIENCE", 5.0)
    answers = [KafkaException(KafkaError(code)) for code in codes]

    def question(_timeout: float) -> str:
        if answers:
            raise answers.pop(0)
        return "answer"

    with Connection(Settings(bootstrap_servers="127.0.0.1:9")) as connection:
        return connection.ask("topic t", question)


@pytest.mark.parametrize(
    "code", [KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.OFFSET_NOT_AVAILABLE]
)
def test_a_question_is_asked_again_while_the_cluster_settles(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that passes by itself is waited for."""
    assert _asked([code, code], monkeypatch) == "answer"


def test_what_does_not_pass_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing topic stays an error that names the question."""
    with pytest.raises(SourceError, match="topic t: "):
        _asked([KafkaError.UNKNOWN_TOPIC_OR_PART], monkeypatch)
