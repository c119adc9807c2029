"""The JSON form of what is published in Avro (``json_alerts``), under the same key and headers.

It goes out in the same round of acknowledgements as the Avro record, so A2 holds for both: nothing is remembered, and
no offset is committed, before the broker has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams.wire.alert_formats.formats import FORMATS, to_bytes
from streams.wire.sessions.datum import datum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.sessions.meaning.summary import SessionSummary
    from streams.settings import Settings
    from streams.topics.catalogue import TopicNames
    from streams.wire.alert_formats.formats import AlertFormat
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.delivery import Message
    from streams.worker.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class JsonForm:
    """Makes the JSON record that goes with an Avro record.

    Attributes:
        topic: the topic of JSON.
        format: how alerts and summaries are written.
        largest: how many bytes key and value of a record may have.
        dead_letters: makes the dead letters.
    """

    topic: str
    format: AlertFormat
    largest: int
    dead_letters: DeadLetters

    def alert(self, message: Message, avro: Outgoing, alert: Mapping[str, Any], *, overflow: bool) -> Outgoing:
        """Return the JSON record of an alert; a dead letter if it is too large."""
        return self._record(message, avro, self.format.alert(alert, overflow=overflow))

    def summary(self, message: Message, avro: Outgoing, summary: SessionSummary) -> Outgoing:
        """Return the JSON record of a session summary; a dead letter if it is too large."""
        return self._record(message, avro, self.format.summary(datum(summary)))

    def _record(self, message: Message, avro: Outgoing, document: Mapping[str, Any]) -> Outgoing:
        value = to_bytes(document)
        if len(value) > self.largest:
            error = (
                f"the record for {self.topic} is {len(value)} bytes, more than the {self.largest} of max_record_size; "
                f"the same is in Avro on {avro.topic}"
            )
            return self.dead_letters.unread(message, "too-large", error)
        return replace(avro, topic=self.topic, value=value)


def json_form(settings: Settings, names: TopicNames, largest: int, dead_letters: DeadLetters) -> JsonForm | None:
    """Return what makes JSON records by these settings; ``None`` if there is to be none."""
    if names.alerts_json is None or settings.json_alerts == "none":
        return None
    return JsonForm(names.alerts_json, FORMATS[settings.json_alerts], largest, dead_letters)
