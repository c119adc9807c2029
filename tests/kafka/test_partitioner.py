"""A key has the partition that every other client of Kafka gives it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import example, given
from hypothesis import strategies as st

from streams.kafka.partitioner import murmur2, partition_of


@given(st.binary(max_size=100))
@example(b"")
@example(b"\xff" * 7)
@example(b"a" * 4096)
def test_murmur2(key: bytes) -> None:
    """The hash of any bytes is aiokafka's, and so that of Java's clients."""
    assert murmur2(key) == murmur2_of_aiokafka(key) & 0xFFFFFFFF


@given(st.binary(max_size=100), st.integers(1, 1_000))
def test_the_partition_of_a_key(key: bytes, partitions: int) -> None:
    """It is the partition of Java's default partitioner: the hash without its sign, by the number of partitions."""
    assert partition_of(key, partitions) == (murmur2_of_aiokafka(key) & 0x7FFFFFFF) % partitions
