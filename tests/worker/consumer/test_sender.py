"""The sender sends the records of a partition as batches, with one wait for all, and names the topic of a refusal."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.partitioner import partition_of
from streams.worker.consumer.sender import Sender, SendError
from streams.worker.monitoring.counters import Metrics
from streams.worker.outgoing import SLICE_BYTES, Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.worker.outgoing import Acknowledged

PARTITIONS = 3
ANY = 2  # the partition of records without a key
BATCH_BYTES = 500


class Producer:
    """A broker with aiokafka's batches: each topic has ``PARTITIONS``, and each partition its own offsets.

    Attributes:
        failures: the answer to batches for a topic, or for a partition of it.
        batches: what was sent, in order: topic, partition and values.
        records: the same as keys and headers, of each value.
        asked: how often the number of a topic's partitions was asked for.
    """

    def __init__(self, failures: dict[Any, Exception] | None = None, batch_bytes: int = BATCH_BYTES) -> None:
        self.failures = failures or {}
        self.batches: list[tuple[str, int, list[bytes | None]]] = []
        self.records: dict[bytes | None, tuple[bytes | None, list[tuple[str, bytes]]]] = {}
        self.asked = Counter[str]()
        self._batch_bytes = batch_bytes
        self._ends = Counter[tuple[str, int]]()

    async def partitions(self, topic: str) -> int:
        """How many there are."""
        self.asked[topic] += 1
        if ("partitions", topic) in self.failures:
            raise self.failures["partitions", topic]
        return PARTITIONS

    def any_partition(self, _topic: str) -> int:
        """Always the same."""
        return ANY

    def create_batch(self) -> Any:
        """A batch of aiokafka's, not compressed."""
        return BatchBuilder(self._batch_bytes, 0)

    async def send_batch(self, batch: Any, topic: str, partition: int) -> asyncio.Future[Acknowledged]:
        """Send; the answer is already there."""
        if ("send", topic) in self.failures:
            raise self.failures["send", topic]
        sent = list(MemoryRecords(bytes(batch._build())).next_batch())  # noqa: SLF001  aiokafka's sender calls it
        self.batches.append((topic, partition, [record.value for record in sent]))
        self.records |= {record.value: (record.key, record.headers) for record in sent}
        answer: asyncio.Future[Acknowledged] = asyncio.get_running_loop().create_future()
        failure = self.failures.get(topic) or self.failures.get((topic, partition))
        if failure is not None:
            answer.set_exception(failure)
            return answer
        first = self._ends[topic, partition]
        self._ends[topic, partition] += len(sent)
        self.answer(answer, SimpleNamespace(offset=first))
        return answer

    def answer(self, answer: asyncio.Future[Acknowledged], acknowledged: Acknowledged) -> None:
        """Answer at once."""
        answer.set_result(acknowledged)


def send(producer: Producer, records: Sequence[Outgoing], metrics: Metrics | None = None) -> list[int]:
    """Send the records, and return their offsets."""
    return asyncio.run(Sender(lambda: producer, metrics or Metrics()).send_all(records))


def to(topic: str, partition: int, value: bytes) -> Outgoing:
    """A record for a partition."""
    return Outgoing(topic, b"key", value, partition=partition)


def test_one_batch_per_partition() -> None:
    """The records of a partition are one batch, in their order; the offsets come back in the order of all records."""
    producer = Producer()
    places = [("a", 0), ("b", 0), ("a", 1), ("a", 0), ("b", 0), ("a", 0)]
    records = [to(topic, partition, b"%d" % number) for number, (topic, partition) in enumerate(places)]
    assert send(producer, records) == [0, 0, 0, 1, 1, 2]
    assert producer.batches == [("a", 0, [b"0", b"3", b"5"]), ("b", 0, [b"1", b"4"]), ("a", 1, [b"2"])]
    assert send(producer, records) == [3, 2, 1, 4, 3, 5]


def test_a_full_batch_starts_a_new_one() -> None:
    """What does not fit goes into the partition's next batch; records of other partitions are not held up."""
    producer = Producer()
    large = bytes(BATCH_BYTES // 2)
    records = [to("a", 0, b"1" + large), to("a", 0, b"2" + large), to("a", 1, b"3"), to("a", 0, b"4")]
    assert send(producer, records) == [0, 1, 0, 2]
    assert producer.batches == [("a", 0, [b"1" + large]), ("a", 0, [b"2" + large, b"4"]), ("a", 1, [b"3"])]


def test_a_record_larger_than_a_batch_goes_alone() -> None:
    """A batch takes a first record of any size, so a large dead letter needs no larger batches."""
    producer = Producer()
    huge = bytes(3 * BATCH_BYTES)
    assert send(producer, [to("a", 0, b"1"), to("a", 0, huge), to("a", 0, b"3")]) == [0, 1, 2]
    assert producer.batches == [("a", 0, [b"1"]), ("a", 0, [huge]), ("a", 0, [b"3"])]


def test_what_a_record_is_made_of() -> None:
    """A record keeps key, value and headers; a key has its partition, a record without a key any; both may be none."""
    producer = Producer()
    headers = (("rule_id", b"x"), ("severity", b"high"))
    keyed, unkeyed, empty = Outgoing("a", b"key", b"1", headers), Outgoing("b", None, b"2"), Outgoing("b", None, None)
    assert send(producer, [keyed, unkeyed, keyed, empty]) == [0, 0, 1, 1]
    assert producer.batches == [("a", partition_of(b"key", PARTITIONS), [b"1", b"1"]), ("b", ANY, [b"2", None])]
    assert producer.records == {b"1": (b"key", list(headers)), b"2": (None, []), None: (None, [])}
    assert producer.asked == {"a": 1, "b": 1}


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.none() | st.binary(max_size=2), st.none() | st.integers(0, PARTITIONS - 1)),
        max_size=40,
    ),
    st.integers(100, 400),
)
def test_each_record_at_its_offset(records: list[tuple[str, bytes | None, int | None]], batch_bytes: int) -> None:
    """Whatever is sent, each record is at the offset that is returned for it, and a partition keeps the order."""
    producer = Producer(batch_bytes=batch_bytes)
    outgoing = [
        Outgoing(topic, key, b"%d" % number, partition=partition)
        for number, (topic, key, partition) in enumerate(records)
    ]
    offsets = send(producer, outgoing)
    logs: dict[tuple[str, int], list[bytes | None]] = {}
    for topic, partition, values in producer.batches:
        logs.setdefault((topic, partition), []).extend(values)
    assert sum(len(log) for log in logs.values()) == len(records)
    for record, offset in zip(outgoing, offsets, strict=True):
        keyed = ANY if record.key is None else partition_of(record.key, PARTITIONS)
        assert logs[record.topic, keyed if record.partition is None else record.partition][offset] == record.value
    for log in logs.values():
        assert log == sorted(log, key=lambda value: int(value or b""))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (TopicAuthorizationFailedError("alerts"), "topic alerts: Write: .*TopicAuthorizationFailed"),
        (KafkaTimeoutError(), "topic alerts: Write: .*KafkaTimeoutError"),
    ],
)
def test_a_refusal_names_topic_and_operation(failure: Exception, words: str) -> None:
    """A missing right, or any other refusal, is one error with topic, operation and answer."""
    records = [to("sightings", 0, b""), to("alerts", 0, b"")]
    for refused in ("alerts", ("send", "alerts")):
        with pytest.raises(SendError, match=words):
            send(Producer({refused: failure}), records)


def test_a_topic_that_is_not_known() -> None:
    """If the broker does not tell a topic's partitions, the error names the topic."""
    with pytest.raises(SendError, match=r"topic alerts: Write: .*UnknownTopicOrPartitionError"):
        send(Producer({("partitions", "alerts"): UnknownTopicOrPartitionError()}), [Outgoing("alerts", b"key", b"")])


def test_a_refusal_counts_records() -> None:
    """If one partition is refused, its records count as failed, and those of the others as sent."""
    metrics = Metrics()
    records = [to("alerts", 0, b"1"), to("alerts", 1, b"2"), to("alerts", 1, b"3"), to("sightings", 1, b"4")]
    with pytest.raises(SendError, match="topic alerts: Write: "):
        send(Producer({("alerts", 1): KafkaTimeoutError()}), records, metrics)
    counted = {
        (name, topic): metrics.registry.get_sample_value(f"rootwatch_{name}_total", {"topic": topic})
        for name in ("sent", "send_failures")
        for topic in ("alerts", "sightings")
    }
    assert counted == {
        ("sent", "alerts"): 1,
        ("sent", "sightings"): 1,
        ("send_failures", "alerts"): 2,
        ("send_failures", "sightings"): None,
    }


def test_a_fault_stays_a_fault() -> None:
    """An exception that is not the broker's answer keeps its type: an operator cannot fix it."""
    with pytest.raises(LookupError):
        send(Producer({"alerts": LookupError("a fault")}), [to("alerts", 0, b"")])


def test_large_records_are_sent_slice_by_slice() -> None:
    """While a slice waits for its acknowledgements, nothing more goes to the producer. The offsets stay in order."""
    open_at_once: list[int] = []

    class Slow(Producer):
        waiting: tuple[asyncio.Future[Acknowledged], ...] = ()

        def answer(self, answer: asyncio.Future[Acknowledged], acknowledged: Acknowledged) -> None:
            asyncio.get_running_loop().call_soon(answer.set_result, acknowledged)
            self.waiting = (*(each for each in self.waiting if not each.done()), answer)
            open_at_once.append(len(self.waiting))

    half = bytes(SLICE_BYTES // 2)
    assert send(Slow(), [to("t", 0, half) for _ in range(5)]) == [0, 1, 2, 3, 4]
    assert open_at_once == [1, 2, 1, 2, 1]
