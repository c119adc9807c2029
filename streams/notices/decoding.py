"""Values of the three topics, in either wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.topics.catalogue import topic_names
from streams.wire.alert import read_alert
from streams.wire.confluent.registry import schema_lookup
from streams.wire.sessions.published import SUMMARY
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.kafka.readers.published import Decode
    from streams.settings import Settings


class Decoder:
    """Reads alerts and summaries.

    Args:
        settings: the topics' names and the registry.

    Raises:
        OperatorError: the registry's settings are wrong.
    """

    def __init__(self, settings: Settings) -> None:
        names = topic_names(settings)
        self._lookup = schema_lookup(settings) if settings.schema_registry_url else None
        self.decoders: Mapping[str, Decode] = {
            names.alerts: read_alert,
            names.overflow: read_alert,
            names.session_summaries: SUMMARY.read,
        }

    def decode(self, topic: str, value: bytes) -> dict[str, Any] | str:
        """The value, or why it cannot be read.

        Raises:
            OperatorError: the registry does not answer or refuses.
        """
        try:
            return self.decoders[topic](value, self._lookup)
        except WireError as error:
            return str(error)
