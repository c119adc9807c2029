"""A key has the partition that every other client of Kafka gives it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import example, given
from hypothesis import strategies as st

from streams.kafka.partitioner import hash_together, murmur2, partition_of


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


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=9, max_size=9)), max_size=30), st.integers(1, 1_000)
)
def test_keys_that_are_hashed_together(keys: list[bytes], partitions: int) -> None:
    """Keys of a batch have the same partitions as each alone, whatever their number, lengths and order."""
    hash_together(keys)
    found = [partition_of(key, partitions) for key in keys]
    assert found == [(murmur2_of_aiokafka(key) & 0x7FFFFFFF) % partitions for key in keys]
