"""Which partition a key belongs to: murmur2, as Java's clients, Faust and this project's producers have it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """Return the key's partition in a topic with so many partitions."""
    return (int(murmur2(key)) & 0x7FFFFFFF) % partitions
