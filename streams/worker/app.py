"""The worker's Faust app: wiring only.

``faust -A streams.worker.app worker`` finds ``app`` here; it is made from the settings at first use.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import faust
import faust.app
import structlog

from streams import pipeline, settings
from streams.errors import OperatorError
from streams.log import configuration
from streams.topics.catalogue import MEMORY_TABLE, topic_names
from streams.worker import startup
from streams.worker.agents.alert_encoder import alert_encoder
from streams.worker.agents.batches import Batches, in_batches
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.detect import Detect
from streams.worker.agents.geo import GeoLookup
from streams.worker.agents.sight import Sight
from streams.worker.consumer.consumer import FINISH_SECONDS
from streams.worker.consumer.fetch.filtering_client import FetchFilter
from streams.worker.consumer.fetch.held_bytes import Queues
from streams.worker.consumer.flow import FlowControl
from streams.worker.consumer.lease import Lease
from streams.worker.consumer.missing_topics import MissingTopics
from streams.worker.consumer.sender import Sender
from streams.worker.consumer.transport import Transport
from streams.worker.deadline import Deadline
from streams.worker.failure import FailedInHand
from streams.worker.faust_options import faust_options
from streams.worker.monitoring.baseline import Baseline
from streams.worker.monitoring.counters import Metrics
from streams.worker.monitoring.disk_watch import DiskWatch
from streams.worker.monitoring.faust_gauges import FAUST_GAUGES
from streams.worker.monitoring.gauges import GAUGES, GaugeCollector
from streams.worker.monitoring.http import HttpServer
from streams.worker.monitoring.registry_probe import RegistryProbe
from streams.worker.monitoring.view import Remaining
from streams.worker.outgoing import largest_record
from streams.worker.skips import NO_SKIPS
from streams.worker.state.recovery import Tables
from streams.worker.state.table import STORE_OPTIONS, MemoryTable

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.worker.agents.messages import Stream
    from streams.worker.skips import Skips

log = structlog.get_logger(__name__)

# Longest shutdown. Operators are promised 15 s.
STOP_SECONDS = 13.0


class WithoutFaustsWeb(faust.app.BootStrategy):  # type: ignore[misc]
    """Starts everything except Faust's web server: under Faust's own command it would take the port of ours."""

    enable_web = False


class WorkerApp(faust.App):  # type: ignore[misc]
    """Faust's app with this project's transport, and with the parts that the agents share."""

    BootStrategy = WithoutFaustsWeb

    def __init__(self, options: Settings, skips: Skips = NO_SKIPS) -> None:
        self.options = options
        self.rule = options.load_rule()
        self.extract_settings = replace(options.extract_settings(), follow_sessions=True)
        self.decision_settings = options.decision_settings(self.rule)
        self.fetch_filter = FetchFilter(
            frozenset(options.source_topics),
            pipeline.compile_finder(self.rule, self.extract_settings),
            pipeline.compile_selector(self.rule, self.extract_settings),
            skips,
        )
        self.topic_names = topic_names(options)
        self.topics_read = self.fetch_filter.source_topics | {self.topic_names.sightings}
        self.metrics = Metrics()
        self.metrics.start(self.rule, self.fetch_filter.source_topics, self.topic_names)
        self.metrics.registry.register(GaugeCollector(self, (*GAUGES, *FAUST_GAUGES)))
        self.geo = GeoLookup(options.geoip_database)
        self.batches = Batches()
        self.queues = Queues()
        self.missing_topics = MissingTopics(self.topics_read)
        self.sender = Sender(lambda: self.producer, self.metrics)
        self.failure: BaseException | None = None
        self.deadline = Deadline(STOP_SECONDS, self._exit_code)
        self.check_at_start = False
        self.ready = False
        self.last_poll = time.monotonic()
        self.lease = Lease(options.session_timeout / 1000)
        super().__init__(
            options.group_id,
            Table=MemoryTable,
            TableManager=Tables,
            **faust_options(options),
        )

    @cached_property
    def flow_control(self) -> FlowControl:
        """Suspends and resumes the agents' queues."""
        return FlowControl(loop=self.loop)

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline's state, for health, metrics and log."""
        learn_until = self.decision_settings.learn_until
        return Baseline(self.memory, learn_until, lambda: self.ready, loop=self.loop, beacon=self.beacon)

    @cached_property
    def disk_watch(self) -> DiskWatch:
        """What was last seen of files."""
        return DiskWatch(
            self.options.state_dir,
            lambda: [opened.store.path() for opened in self.memory.stores()],
            self.geo,
            loop=self.loop,
            beacon=self.beacon,
        )

    @cached_property
    def registry_probe(self) -> RegistryProbe:
        """The state of the schema registry."""
        return RegistryProbe(self.options, loop=self.loop, beacon=self.beacon)

    @property
    def group_id(self) -> str:
        """The consumer group."""
        return self.options.group_id

    def recovery_remaining(self) -> Remaining:
        """How many changes of the changelog are still to be read."""
        recovery = self.tables.recovery
        return Remaining(max(0, recovery.active_remaining_total()), max(0, recovery.standby_remaining_total()))

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)

    async def on_first_start(self) -> None:
        """Check what is needed, unless the command did; serve health and metrics before the table is recovered."""
        if self.check_at_start:
            try:
                await asyncio.to_thread(startup.check, self.options)
            except OperatorError as refusal:
                await self.stop_with(refusal)
                raise
        http = HttpServer(self, self.options.http_host, self.options.http_port, loop=self.loop, beacon=self.beacon)
        for service in (self.disk_watch, self.baseline, self.registry_probe, http):
            await self.add_runtime_dependency(service)
        await super().on_first_start()

    def on_rebalance_start(self) -> None:
        """Be not ready until partitions are assigned and the table is recovered."""
        self.ready = False
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        """Become ready: Faust calls this once the table is recovered and the streams go on."""
        super().on_rebalance_end()
        self.ready = True
        log.info("worker.ready", partitions=len(self.consumer.assignment()))
        self.baseline.announce()

    async def stop_with(self, failure: BaseException) -> None:
        """Stop the worker because of a failure that is not a named outcome; the process exits with 1.

        Later failures are consequences of the first one, and are not logged.
        """
        if self.failure is None:
            self._note_failure(failure)
            await super().crash(failure)

    async def crash(self, reason: BaseException) -> None:
        """Stop the worker. Faust calls this for a failure of its own, for example in a rebalance."""
        await self.stop_with(reason)

    def _crash(self, reason: BaseException) -> None:
        """Note the failure. Faust calls this on everything above a service that has crashed, such as its fetcher."""
        if self.failure is None:
            self._note_failure(reason)
        super()._crash(reason)

    def _note_failure(self, failure: BaseException) -> None:
        in_hand = {}
        if isinstance(failure, FailedInHand):
            in_hand, failure = {"in_hand": failure.records}, failure.__cause__ or failure
        self.failure = failure
        error = str(failure) if isinstance(failure, OperatorError) else repr(failure)
        consequence = "the worker stops; nothing is committed past the failure"
        log.error("worker.failed", error=error, **in_hand, consequence=consequence, exc_info=failure)

    async def on_stop(self) -> None:
        """Finish the batches in hand and commit them before the consumer and the table close."""
        self.deadline.start()
        async with self.batches.drained(FINISH_SECONDS):
            if self.failure is None and self._consumer is not None and self._consumer.owns_partitions():
                await self._consumer.commit()
            await super().on_stop()

    async def on_shutdown(self) -> None:
        """Cancel the deadline: everything has stopped in time."""
        self.deadline.cancel()
        await super().on_shutdown()

    def _exit_code(self) -> int:
        return 1 if self.crashed else 0


def create_app(options: Settings, skips: Skips = NO_SKIPS) -> WorkerApp:
    """Return the worker's app, with its table and an agent for each half of the pipeline.

    Args:
        options: the settings.
        skips: records that become dead letters unread.
    """
    app = WorkerApp(options, skips)
    app.memory = app.Table(
        MEMORY_TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=options.partitions,
        options=dict(STORE_OPTIONS),
        help="First-seen memory of pairs, and the alert cap's buckets.",
    )
    sight, detect = _create_agents(app, skips)
    raw = {"key_serializer": "raw", "value_serializer": "raw", "allow_empty": True}
    sources = app.topic(*options.source_topics, **raw)
    sightings = app.topic(app.topic_names.sightings, **raw)

    @app.agent(sources, name="sight")  # type: ignore[untyped-decorator]
    async def sight_agent(stream: Stream) -> None:
        app.queues.watch(options.source_topics, stream.channel.queue)
        await in_batches(app, stream, sight.handle)

    @app.agent(sightings, name="detect")  # type: ignore[untyped-decorator]
    async def detect_agent(stream: Stream) -> None:
        app.queues.watch([app.topic_names.sightings], stream.channel.queue)
        await in_batches(app, stream, detect.handle)

    return app


def _create_agents(app: WorkerApp, skips: Skips) -> tuple[Sight, Detect]:
    largest = largest_record(app.options.max_record_size)
    dead_letters = DeadLetters(app.topic_names.dead_letter, largest, app.extract_settings, app.metrics)
    sight = Sight(
        rule=app.rule,
        extract_settings=app.extract_settings,
        topic=app.topic_names.sightings,
        largest=largest,
        skips=skips,
        sender=app.sender,
        dead_letters=dead_letters,
        metrics=app.metrics,
    )
    detect = Detect(
        rule=app.rule,
        settings=app.decision_settings,
        topics=app.topic_names,
        largest=largest,
        skips=skips,
        memory=app.memory,
        lease=app.lease,
        sender=app.sender,
        encoder=alert_encoder(app.options, app.metrics),
        geo=app.geo,
        dead_letters=dead_letters,
        metrics=app.metrics,
    )
    return sight, detect


def __getattr__(name: str) -> WorkerApp:
    if name == "app":
        options = settings.load()
        made = create_app(options)
        made.check_at_start = True
        # Faust's command uses this configuration whatever its log level: it logs no record bodies and no tokens.
        made.conf.logging_config = configuration(options.log_format)
        globals()["app"] = made
        return made
    raise AttributeError(name)
