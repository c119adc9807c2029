"""The worker's Faust app: wiring only.

``faust -A streams.worker.app worker`` finds ``app`` here; it is made from the settings at first use.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import faust
import faust.app
import structlog

from streams import pipeline, settings
from streams.errors import OperatorError
from streams.log import configuration
from streams.sessions.joining.trace import TraceSettings
from streams.settings.networks import Networks
from streams.settings.session_rules import load_session_rules
from streams.topics.catalogue import MEMORY_TABLE, SESSIONS_TABLE, topic_names
from streams.worker import startup
from streams.worker.agents.batches import Batches, in_batches
from streams.worker.agents.geo import GeoLookup
from streams.worker.agents.sessions.closer import Closer
from streams.worker.agents.sessions.trace import Indexes
from streams.worker.consumer.consumer import FINISH_SECONDS, explained
from streams.worker.consumer.faust_options import faust_options
from streams.worker.consumer.fetch.filtering_client import FetchFilter
from streams.worker.consumer.fetch.held_bytes import Queues
from streams.worker.consumer.flow import FlowControl
from streams.worker.consumer.lease import Lease
from streams.worker.consumer.missing_topics import MissingTopics
from streams.worker.consumer.sender import Sender
from streams.worker.consumer.transport import Transport
from streams.worker.deadline import Deadline
from streams.worker.failure import FailedInHand
from streams.worker.garbage import spare_what_stays
from streams.worker.monitoring.baseline import Baseline
from streams.worker.monitoring.counters import Metrics
from streams.worker.monitoring.disk_watch import DiskWatch
from streams.worker.monitoring.faust_gauges import FAUST_GAUGES
from streams.worker.monitoring.gauges import GAUGES, GaugeCollector
from streams.worker.monitoring.http import HttpServer
from streams.worker.monitoring.registry_probe import RegistryProbe
from streams.worker.monitoring.rule_states import RuleStates
from streams.worker.monitoring.view import Remaining
from streams.worker.skips import NO_SKIPS
from streams.worker.stages import AgentSpec, agents
from streams.worker.state.recovery import Tables
from streams.worker.state.table import STORE_OPTIONS, MemoryTable, SessionsTable, StateTable

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.worker.agents.events import Stream
    from streams.worker.skips import Skips

T = TypeVar("T", bound=StateTable)

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
        self.rules = options.load_rules()
        self.networks = Networks(options.geoip_database)
        self.extract_settings = replace(options.extract_settings(), follow_sessions=True, networks=self.networks)
        self.decision_settings = options.decision_settings(self.rules)
        self.trace_settings = TraceSettings(load_session_rules(), options.session_grace)
        self.fetch_filter = FetchFilter(
            frozenset(options.source_topics),
            pipeline.compile_finder(self.rules, self.extract_settings),
            pipeline.compile_selector(self.rules, self.extract_settings),
            skips,
        )
        self.topic_names = topic_names(options)
        self.source_topics = self.fetch_filter.source_topics
        self.topics_read = self.source_topics | {self.topic_names.sightings, self.topic_names.sessions}
        self.metrics = Metrics()
        self.metrics.start_taking(compiled.rule for compiled in self.rules.rules)
        self.metrics.start((each.rule for each in self.rules.rules), self.source_topics, self.topic_names)
        self.metrics.registry.register(GaugeCollector(self, (*GAUGES, *FAUST_GAUGES)))
        self.geo = GeoLookup(options.geoip_database)
        self.batches = Batches()
        self.queues = Queues()
        self.missing_topics = MissingTopics(self.topics_read)
        self.sender = Sender(lambda: self.producer, self.metrics)
        self.failure: BaseException | None = None
        self.deadline = Deadline(STOP_SECONDS, self._exit_code)
        self.check_at_start = False
        self.ready = self._is_settled = False
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
        learn_until = self.options.learn_until
        return Baseline(self.memory, learn_until, lambda: self.ready, loop=self.loop, beacon=self.beacon)

    @cached_property
    def rule_states(self) -> RuleStates:
        """What the worker knows of each rule, for metrics."""
        return RuleStates(self.memory.stores, self.rules, self.decision_settings)

    @cached_property
    def disk_watch(self) -> DiskWatch:
        """What was last seen of files."""
        return DiskWatch(
            self.options.state_dir,
            lambda: [opened.store.path() for table in (self.memory, self.sessions) for opened in table.stores()],
            self.geo,
            self.networks,
            loop=self.loop,
            beacon=self.beacon,
        )

    @cached_property
    def registry_probe(self) -> RegistryProbe:
        """The state of the schema registry."""
        return RegistryProbe(self.options, loop=self.loop, beacon=self.beacon)

    @cached_property
    def closer(self) -> Closer:
        """Asks for the summaries that are due."""
        topic, grace = self.topic_names.sessions, self.options.session_grace
        return Closer(self, topic, self.session_indexes, grace, self.sender, loop=self.loop, beacon=self.beacon)

    def add_table(self, kind: type[T], name: str, meaning: str) -> T:
        """Add a table in RocksDB."""
        table = kind(
            self,
            name=name,
            key_type=bytes,
            value_type=bytes,
            partitions=self.options.partitions,
            options=dict(STORE_OPTIONS),
            help=meaning,
        )
        self.tables.add(table)
        return table

    def add_agent(self, spec: AgentSpec) -> None:
        """Add an agent, which takes its topics' records in batches."""
        topic = self.topic(*spec.topics, key_serializer="raw", value_serializer="raw", allow_empty=True)

        @self.agent(topic, name=spec.name)  # type: ignore[untyped-decorator]
        async def agent(stream: Stream) -> None:
            self.queues.watch(spec.topics, stream.channel.queue)
            await in_batches(self, stream, spec.handle)

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
        for service in (self.disk_watch, self.baseline, self.registry_probe, self.closer, http):
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
        if not self._is_settled:
            self._is_settled = True
            spare_what_stays()
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
        failure = explained(failure, self.group_id)
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
    app.memory = app.add_table(
        MemoryTable, MEMORY_TABLE, "First-seen memory of all rules, and the alert cap's buckets."
    )
    app.sessions = app.add_table(SessionsTable, SESSIONS_TABLE, "Root sessions, and actions that wait for their grant.")
    app.session_indexes = Indexes(app.sessions, options.session_grace)
    for spec in agents(app, skips):
        app.add_agent(spec)
    return app


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
