"""Reads what is published of rules on a topic of activity or summaries, to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.errors import SourceError
from streams.kafka.readers.published import PublishedReader, UnreadableValue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from streams.kafka.readers.published import Source
    from streams.settings import Settings


def values_of_rules(settings: Settings, source: Source, rule_ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """The values of these rules, from the oldest of each partition to the end as it is at the start.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no such topic, or a value on it is none.
        OperatorError: the registry cannot be reached or refuses.
    """
    with PublishedReader(settings) as reader:
        for value in reader.read(source, reader.spans(source.topic)):
            if isinstance(value, UnreadableValue):
                raise SourceError(f"{value.topic}[{value.partition}]:{value.offset}: {value.error}")
            if value["rule_id"] in rule_ids:
                yield value
