"""Messages go to the agents in deliveries: lists of one partition, bounded by number and bytes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.extraction.sighting import Origin
from streams.inputs.message_reader import UnpackedMessage
from streams.worker import delivery
from streams.worker.delivery import MOST_BYTES, MOST_MESSAGES, Delivery, deliveries


@dataclass
class Record:
    """A record as aiokafka's consumer has it."""

    offset: int
    value: bytes | None = b""
    timestamp: int | None = 1_772_359_200_123
    key: bytes | None = b"key"
    topic: str = "cloudtrail"
    partition: int = 3


def of_sizes(*sizes: int | None) -> list[Delivery]:
    """The deliveries of records with values of these sizes; ``None`` is a tombstone."""
    values = [None if size is None else bytes(size) for size in sizes]
    return list(deliveries([Record(number, value) for number, value in enumerate(values)], 0.0))


def offsets_of(made: list[Delivery]) -> list[list[int]]:
    return [[message.offset for message in each.messages] for each in made]


def test_a_message_is_its_record() -> None:
    """A message has what the record has, and when it was fetched; its origin is where Kafka has it."""
    ((message,),) = (each.messages for each in deliveries([Record(7, b"value")], 12.5))
    assert (message.topic, message.partition, message.offset) == ("cloudtrail", 3, 7)
    assert (message.timestamp, message.key, message.value) == (1_772_359_200_123, b"key", b"value")
    assert message.time_in == 12.5
    assert message.origin == Origin("cloudtrail", 3, 7, 1_772_359_200_123)
    assert message.origin.has_timestamp


def test_a_record_without_key_value_and_timestamp() -> None:
    """A tombstone of Kafka's first message format: -1 is its timestamp, which means that it has none."""
    ((message,),) = (each.messages for each in deliveries([Record(7, None, None, None)], 0.0))
    assert (message.timestamp, message.key, message.value) == (-1, None, None)
    assert not message.origin.has_timestamp


def test_no_records_are_no_delivery() -> None:
    """A fetch of a partition may bring nothing; the agents then get nothing."""
    assert of_sizes() == []


@pytest.mark.parametrize("beyond", [0, 1, MOST_MESSAGES])
def test_bounded_by_number(beyond: int) -> None:
    """A delivery has at most ``MOST_MESSAGES``; the next one goes on after it."""
    made = of_sizes(*[1] * (MOST_MESSAGES + beyond))
    assert [len(each.messages) for each in made] == [MOST_MESSAGES] + [beyond] * (beyond > 0)
    assert [each.size for each in made] == [len(each.messages) for each in made]


def test_bounded_by_bytes() -> None:
    """The message that reaches ``MOST_BYTES`` is the last of its delivery, and a larger one may be alone."""
    half, whole = MOST_BYTES // 2, MOST_BYTES
    made = of_sizes(half, half, whole, 2 * whole, half, None, half - 1, 1, 5)
    assert offsets_of(made) == [[0, 1], [2], [3], [4, 5, 6, 7], [8]]
    assert [each.size for each in made] == [whole, whole, 2 * whole, whole, 5]


def test_compressed_content_counts_decompressed() -> None:
    """What the filter has decompressed waits together with its bytes as they came, so both count."""
    value = UnpackedMessage.of(b"came", bytes(MOST_BYTES))
    made = list(deliveries([Record(0, value), Record(1, value)], 0.0))
    assert offsets_of(made) == [[0], [1]]
    assert [each.size for each in made] == [MOST_BYTES + len(b"came")] * 2


@given(st.lists(st.none() | st.integers(0, 12), max_size=40), st.integers(1, 5), st.integers(1, 20))
def test_all_in_order_and_as_large_as_allowed(sizes: list[int | None], most: int, most_bytes: int) -> None:
    """The deliveries are the records, in order; each is within both bounds but for its last message, and no smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "MOST_MESSAGES", most)
        patch.setattr(delivery, "MOST_BYTES", most_bytes)
        made = of_sizes(*sizes)
    assert [offset for each in offsets_of(made) for offset in each] == list(range(len(sizes)))
    for each in made:
        lengths = [len(message.value or b"") for message in each.messages]
        assert each.size == sum(lengths)
        assert len(lengths) <= most
        assert sum(lengths[:-1]) < most_bytes
        if each is not made[-1]:
            assert len(lengths) == most or each.size >= most_bytes
