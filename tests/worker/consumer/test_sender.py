"""The sender sends many records with one wait, and names the topic of a refused record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from streams.worker.consumer.sender import Sender, SendError
from streams.worker.monitoring.counters import Metrics
from streams.worker.outgoing import SLICE_BYTES, Outgoing


class Producer:
    """Accepts records in order; answers each with its number, or with its topic's failure."""

    def __init__(self, failures: dict[str, Exception]) -> None:
        self._failures = failures
        self.sent = 0

    async def send(self, topic: str, *_rest: Any) -> asyncio.Future[int]:
        """Send; the answer is already there."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if topic in self._failures:
            answer.set_exception(self._failures[topic])
        else:
            answer.set_result(self.sent)
        self.sent += 1
        return answer


def send(topics: list[str], **failures: Exception) -> list[Any]:
    """Send a record to each topic."""
    producer = Producer(failures)
    return asyncio.run(Sender(lambda: producer, Metrics()).send_all([Outgoing(topic, None, b"") for topic in topics]))


def test_answers_in_order() -> None:
    """The acknowledgements are in the order of the records."""
    assert send(["a", "b", "a"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (TopicAuthorizationFailedError("alerts"), "topic alerts: Write: .*TopicAuthorizationFailed"),
        (KafkaTimeoutError(), "topic alerts: Write: .*KafkaTimeoutError"),
    ],
)
def test_a_refusal_names_topic_and_operation(failure: Exception, words: str) -> None:
    """A missing right, or any other refusal, is one error with topic, operation and answer."""
    with pytest.raises(SendError, match=words):
        send(["sightings", "alerts"], alerts=failure)


def test_a_fault_stays_a_fault() -> None:
    """An exception that is not the broker's answer keeps its type: an operator cannot fix it."""
    with pytest.raises(LookupError):
        send(["alerts"], alerts=LookupError("a fault"))


def test_large_records_are_sent_slice_by_slice() -> None:
    """While a slice waits for its acknowledgements, nothing more goes to the producer. The answers stay in order."""
    open_at_once: list[int] = []

    class Slow(Producer):
        async def send(self, *_record: Any) -> asyncio.Future[int]:
            self.waiting = [answer for answer in getattr(self, "waiting", []) if not answer.done()]
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(answer.set_result, self.sent)
            self.sent += 1
            self.waiting.append(answer)
            open_at_once.append(len(self.waiting))
            return answer

    half = bytes(SLICE_BYTES // 2)
    producer = Slow({})
    assert asyncio.run(Sender(lambda: producer, Metrics()).send_all([Outgoing("t", None, half) for _ in range(5)])) == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert open_at_once == [1, 2, 1, 2, 1]
