"""The worker's stages: which topics each reads, and what handles them. App, queues and metrics go by this list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from streams import pipeline
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.detect import Detection
from streams.worker.agents.published.encoder import encoder_for
from streams.worker.agents.published.json_form import json_form
from streams.worker.agents.sessions.trace import Tracing
from streams.worker.agents.sight import Sight
from streams.worker.agents.stage import Stage
from streams.worker.agents.taking_counts import TakingCounts
from streams.worker.outgoing import largest_record
from streams.worker.state.sweep import Forgetting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.rules.rule_set import RuleSet
    from streams.sessions.joining.trace import TraceSettings
    from streams.settings import Settings
    from streams.topics.catalogue import TopicNames
    from streams.worker.agents.batches import Handle
    from streams.worker.agents.geo import GeoLookup
    from streams.worker.agents.sessions.trace import Indexes
    from streams.worker.consumer.lease import Lease
    from streams.worker.consumer.sender import Sender
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.skips import Skips
    from streams.worker.state.table import MemoryTable, SessionsTable


class AgentSpec(NamedTuple):
    """An agent.

    Attributes:
        name: Faust's name for it.
        topics: what it reads.
        handle: what it does with a batch.
    """

    name: str
    topics: Sequence[str]
    handle: Handle


class Worker(Protocol):
    """What the stages share."""

    options: Settings
    rules: RuleSet
    extract_settings: pipeline.ExtractSettings
    decision_settings: Mapping[str, pipeline.DecisionSettings]
    trace_settings: TraceSettings
    topic_names: TopicNames
    memory: MemoryTable
    sessions: SessionsTable
    session_indexes: Indexes
    sender: Sender
    lease: Lease
    geo: GeoLookup
    metrics: Metrics


def agents(app: Worker, skips: Skips) -> tuple[AgentSpec, ...]:
    """Return the agents, in the order of the data."""
    names, largest = app.topic_names, largest_record(app.options.max_record_size)
    dead_letters = DeadLetters(names.dead_letter, largest, app.extract_settings, app.metrics)
    encoder = encoder_for(app.options, app.metrics)
    as_json = json_form(app.options, names, largest, dead_letters)
    sight = Sight(
        rules=app.rules,
        settings=app.options.decision_settings(app.rules),
        extract_settings=app.extract_settings,
        topic=names.sightings,
        sessions_topic=names.sessions,
        largest=largest,
        skips=skips,
        sender=app.sender,
        dead_letters=dead_letters,
        metrics=app.metrics,
        counts=TakingCounts(app.rules, app.metrics),
        memo=pipeline.Memo(app.rules, app.extract_settings),
    )
    detection = Detection(
        forgetting=Forgetting(app.rules, app.decision_settings, app.options.forget_after),
        view_of=partial(pipeline.view_of, extract_settings=app.extract_settings),
        topics=names,
        largest=largest,
        encoder=encoder,
        geo=app.geo,
        dead_letters=dead_letters,
        metrics=app.metrics,
        json_form=as_json,
    )
    tracing = Tracing(
        settings=app.trace_settings,
        topics=names,
        largest=largest,
        encoder=encoder,
        dead_letters=dead_letters,
        metrics=app.metrics,
        indexes=app.session_indexes,
        json_form=as_json,
    )
    detect = Stage(detection, app.memory, names.changelog, skips, app.lease, app.sender, dead_letters)
    trace = Stage(tracing, app.sessions, names.sessions_changelog, skips, app.lease, app.sender, dead_letters)
    return (
        AgentSpec("sight", app.options.source_topics, sight.handle),
        AgentSpec("detect", (names.sightings,), detect.handle),
        AgentSpec("trace", (names.sessions,), trace.handle),
    )
