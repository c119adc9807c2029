"""With Kafka's default limit of 1 MiB a large bucket or principal could not be remembered, and no worker got past it.

Only the changelog had no ``max.message.bytes`` of its own.
"""

from __future__ import annotations

import pytest

from streams.kafka.security import producer_options
from streams.settings import Settings
from streams.topics.catalogue import catalogue, topic_names


@pytest.mark.parametrize("given", [{}, {"max_record_size": "8MiB"}])
def test_every_written_topic_takes_what_the_producer_sends(given: dict[str, str]) -> None:
    """A2: each topic accepts every record that the producer may send, whatever the broker's own limit is."""
    settings = Settings.model_validate(given)
    leader = topic_names(settings).leader  # Faust's, and never written
    limits = {topic.name: topic.config.get("max.message.bytes") for topic in catalogue(settings)}
    del limits[leader]
    assert set(limits.values()) == {str(producer_options(settings)["message.max.bytes"])}
