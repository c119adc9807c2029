"""The JSON record that goes with an Avro record: in the same round (A2), under the same key, or as a dead letter."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from memory_store import Store
from root_sessions import GRANTED_AT, HOUR, KEY, action, granted
from session_worker import TraceWorker
from sightings import NOON, RULES, nothing_known, settings_of_rules, sighting

from streams.detection.decision import FORGET_AFTER
from streams.sessions.joining.state import Close
from streams.settings import Settings
from streams.topics.catalogue import catalogue, topic_names, value_schemas
from streams.wire import alert as alert_codec
from streams.wire import sighting as codec
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.detect import Detection
from streams.worker.agents.geo import GeoLookup
from streams.worker.agents.published.encoder import encoder_for
from streams.worker.agents.published.json_form import json_form
from streams.worker.agents.stage import Stage
from streams.worker.consumer.lease import Lease
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.worker.outgoing import Outgoing


class KilledError(Exception):
    """The process is killed here."""


class Scene:
    """The detect stage, and all that it sends and stores; it is killed after ``left`` records."""

    def __init__(self, json_alerts: str = "native", *, left: int = 1_000, largest: int = 1_000_000) -> None:
        self.options = Settings.model_validate({"json_alerts": json_alerts})
        self.names = topic_names(self.options)
        self.sent: list[Outgoing] = []
        self.rounds: list[list[str]] = []
        self.applied = 0
        self.metrics = Metrics()
        self._left = left
        self._largest = largest

    async def send_all(self, records: Sequence[Outgoing]) -> list[int]:
        """Send up to the kill."""
        self.rounds.append([record.topic for record in records])
        for record in records:
            if not self._left:
                raise KilledError
            self._left -= 1
            self.sent.append(record)
        return list(range(len(records)))

    def run(self) -> None:
        """Handle a batch of one new pair."""
        memory: Any = SimpleNamespace(
            partition=lambda _number: PartitionMemory(0, Store(), b"offset"), apply=self._applied
        )
        dead_letters = DeadLetters(self.names.dead_letter, 1_000_000, self.options.extract_settings(), self.metrics)
        detection = Detection(
            forgetting=Forgetting(RULES, settings_of_rules(), FORGET_AFTER),
            view_of=nothing_known,
            topics=self.names,
            largest=self._largest,
            encoder=encoder_for(self.options, self.metrics),
            geo=GeoLookup(()),
            dead_letters=dead_letters,
            metrics=self.metrics,
            json_form=json_form(self.options, self.names, self._largest, dead_letters),
        )
        lease = Lease(10.0)
        lease.renew(lease.now())
        stage = Stage(detection, memory, self.names.changelog, NO_SKIPS, lease, self, dead_letters)
        message = Message(self.names.sightings, 0, 0, NOON, None, codec.encode(sighting()), 0.0)
        asyncio.run(stage.handle([message], lambda: True))

    def _applied(self, *_: object) -> None:
        self.applied += 1


@pytest.mark.parametrize("name", ["native", "ecs", "ocsf"])
def test_both_records_go_in_one_round_before_the_memory(name: str) -> None:
    """A2: Avro and JSON are acknowledged before the changelog is written, under the same key and headers."""
    scene = Scene(name)
    scene.run()
    first, second = scene.rounds
    assert first[:2] == ["rootwatch.alerts", "rootwatch.alerts.json"]
    assert set(second) == {scene.names.changelog}
    avro, in_json = scene.sent[:2]
    assert (in_json.key, in_json.headers, in_json.partition) == (avro.key, avro.headers, avro.partition)
    assert avro.value is not None
    assert in_json.value is not None
    alert_id = alert_codec.decode(avro.value)["alert_id"]
    assert alert_id.encode() in in_json.value
    assert scene.applied == 1


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_killed_between_the_two_nothing_is_remembered(sent: int) -> None:
    """A2: killed before, between or after the two acknowledgements, neither changelog nor store has the pair."""
    scene = Scene("ecs", left=sent)
    with pytest.raises(KilledError):
        scene.run()
    assert len(scene.sent) == sent
    assert all(record.topic != scene.names.changelog for record in scene.sent)
    assert scene.applied == 0


def test_none_makes_no_json() -> None:
    """By default nothing is written as JSON: there is no topic, no right and no record."""
    scene = Scene("none")
    scene.run()
    assert scene.names.alerts_json is None
    assert [record.topic for record in scene.sent if record.topic != scene.names.changelog][:1] == ["rootwatch.alerts"]
    assert not any("json" in topic.name for topic in catalogue(scene.options))


def test_the_topic_is_like_that_of_alerts() -> None:
    """The topic of JSON is kept like that of alerts, follows the prefix, and has no schema in the registry."""
    options = Settings.model_validate({"json_alerts": "ecs", "topic_prefix": "audit"})
    topics = {topic.name: topic for topic in catalogue(options)}
    alerts, in_json = topics["audit.alerts"], topics["audit.alerts.json"]
    assert (in_json.partitions, in_json.config) == (alerts.partitions, alerts.config)
    assert "audit.alerts.json" not in value_schemas(options)


def test_too_large_as_json_is_a_dead_letter() -> None:
    """If the JSON form alone is too large, the alert is in Avro, and a counted dead letter names size and topics."""
    scene = Scene("native")
    scene.run()
    avro, in_json = (len(record.value or b"") for record in scene.sent[:2])
    assert avro < in_json
    scene = Scene("native", largest=in_json - 1)
    scene.run()
    kept, letter = scene.sent[:2]
    assert (kept.topic, letter.topic) == ("rootwatch.alerts", "rootwatch.dead-letter")
    headers = dict(letter.headers)
    assert headers["reason"] == b"too-large"
    assert f"rootwatch.alerts.json is {in_json} bytes" in headers["error"].decode()
    assert headers["error"].endswith(b"the same is in Avro on rootwatch.alerts")
    assert scene.metrics.registry.get_sample_value("rootwatch_dead_letters_total", {"reason": "too-large"}) == 1


def test_too_large_in_avro_is_one_dead_letter() -> None:
    """An alert that is too large in Avro is not written as JSON either."""
    scene = Scene("native", largest=10)
    scene.run()
    assert [record.topic for record in scene.sent].count("rootwatch.dead-letter") == 1
    assert all(record.topic != "rootwatch.alerts.json" for record in scene.sent)


def test_a_summary_goes_with_its_json() -> None:
    """Each revision of a session's summary is there as JSON, too."""
    worker = TraceWorker()
    at = GRANTED_AT + HOUR
    worker.handle([(granted(), at), (action(), at)])
    worker.handle([(Close(KEY, at + HOUR, at + HOUR), at + HOUR)])
    (in_json,) = worker.summaries_as_json()
    (avro,) = worker.summaries()
    assert (in_json["session_id"], in_json["revision"]) == (avro["session_id"], avro["revision"])
    kept = [record for record in worker.sent if record.value is not None and avro["session_id"].encode() == record.key]
    assert len({record.headers for record in kept if "summaries" in record.topic or "json" in record.topic}) == 1
    assert json.dumps(in_json["grant"]["principal"])
