"""What this project overrides and uses of Faust, mode and aiokafka beyond their public names.

An upgrade that renames one of these, or no longer calls it, would lose records without an error, or would fail a test
that kills workers, without naming the cause. Here it fails at once and names the cause. The tables are complete: the
last two tests find what is missing in them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import streams.worker

if TYPE_CHECKING:
    from collections.abc import Iterator

# Our class and the name that it overrides -> the function of theirs that calls or reads it.
OVERRIDDEN = {
    "app.WithoutFaustsWeb.enable_web": "faust.app.base:BootStrategy._should_enable_web",
    "app.WorkerApp.BootStrategy": "faust.app.base:App.__init__",
    "app.WorkerApp.flow_control": "faust.tables.recovery:Recovery._resume_streams",
    "app.WorkerApp._new_transport": "faust.app.base:App.transport",
    "app.WorkerApp._new_producer_transport": "faust.app.base:App.producer_transport",
    "app.WorkerApp.on_first_start": "mode.services:Service._actually_start",
    "app.WorkerApp.on_rebalance_start": (
        "faust.transport.drivers.aiokafka:ConsumerRebalanceListener.on_partitions_revoked"
    ),
    "app.WorkerApp.on_rebalance_end": "faust.tables.recovery:Recovery.on_recovery_completed",
    "app.WorkerApp.crash": "faust.app.base:App._on_partitions_assigned",
    "app.WorkerApp._crash": "mode.services:Service._crash",
    "app.WorkerApp.on_stop": "mode.services:Service.stop",
    "app.WorkerApp.on_shutdown": "mode.services:Service.stop",
    "consumer.consumer.Consumer._new_consumer_thread": "faust.transport.consumer:ThreadDelegateConsumer.__init__",
    "consumer.consumer.Consumer.ack": "faust.types.tuples:ConsumerMessage.on_final_ack",
    "consumer.consumer.Consumer._add_gap": "faust.transport.consumer:Consumer._drain_messages",
    "consumer.consumer.Consumer._filter_tps_with_pending_acks": "faust.transport.consumer:Consumer.force_commit",
    "consumer.consumer.Consumer._new_offset": "faust.transport.consumer:Consumer._filter_committable_offsets",
    "consumer.consumer.Consumer.commit": "faust.transport.consumer:Consumer._commit_handler",
    "consumer.consumer.Consumer.on_partitions_revoked": (
        "faust.transport.consumer:ThreadDelegateConsumer.threadsafe_partitions_revoked"
    ),
    "consumer.consumer.Consumer.on_partitions_assigned": (
        "faust.transport.consumer:ThreadDelegateConsumer.threadsafe_partitions_assigned"
    ),
    "consumer.consumer.Consumer.getmany": "faust.transport.consumer:Consumer._drain_messages",
    "consumer.consumer.Consumer._getmany": "faust.transport.consumer:Consumer._wait_next_records",
    "consumer.consumer.Consumer._wait_next_records": "faust.transport.consumer:Consumer.getmany",
    "consumer.consumer.Consumer._to_message": "faust.transport.consumer:Consumer.getmany",
    "consumer.consumer.Consumer.verify_event_path": "faust.transport.consumer:Consumer.verify_all_partitions_active",
    "consumer.fetch.fetch_thread.FetchThread._create_worker_consumer": (
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_consumer"
    ),
    "consumer.fetch.fetch_thread.FetchThread.on_start": "mode.services:Service._actually_start",
    "consumer.fetch.fetch_thread.FetchThread._fetch_records": (
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.getmany"
    ),
    "consumer.fetch.fetch_thread.FetchThread._stopped_set": "mode.services:Service.stop",
    "consumer.flow.FlowControl.resume": "faust.tables.recovery:Recovery._resume_streams",
    "consumer.transport.Producer._settings_extra": "faust.transport.drivers.aiokafka:Producer._new_producer",
    "consumer.transport.Producer._new_producer": "faust.transport.drivers.aiokafka:Producer.on_start",
    "consumer.transport.Producer.on_start": "mode.services:Service._actually_start",
    "consumer.transport.Transport.Consumer": "faust.transport.base:Transport.create_consumer",
    "consumer.transport.Transport.Producer": "faust.transport.base:Transport.create_producer",
    "process.Worker._on_startup_end_spinner": "faust.worker:Worker.on_startup_finished",
    "state.recovery.Recovery.standby_remaining": "faust.tables.recovery:Recovery.standby_remaining_total",
    "state.recovery.Recovery._set_recovery_started": "faust.tables.recovery:Recovery._restart_recovery",
    "state.recovery.Recovery._seek_offsets": "faust.tables.recovery:Recovery._restart_recovery",
    "state.recovery.Tables.recovery": "faust.tables.manager:TableManager.on_rebalance",
    "state.recovery.Tables._recovery": "faust.tables.manager:TableManager.recovery",
    "state.rocksdb.StoreOptions.as_options": "faust.stores.rocksdb:RocksDBOptions.open",
    "state.rocksdb.Store.revoke_partitions": "faust.stores.rocksdb:Store.on_rebalance",
    "state.rocksdb.Store._open_for_partition": "faust.stores.rocksdb:Store._db_for_partition",
    "state.table.StateTable._new_store_by_url": "faust.tables.base:Collection._new_store",
}
# Faust starts it by name as one of its tasks (mode's ``Service.task``): nothing calls it.
TASKS = {"state.recovery.Recovery._slurp_changelogs"}

# A private name that is used -> a function of theirs that reads or sets it.
USED = {
    "_active_events_received_at": "faust.tables.recovery:Recovery.__init__",
    "_active_partitions": "faust.transport.consumer:Consumer._get_active_partitions",
    "_client": "aiokafka.consumer.fetcher:Fetcher.__init__",
    "_committed_offset": "faust.transport.consumer:Consumer.__init__",
    "_conns": "aiokafka.client:AIOKafkaClient.__init__",
    "_consumer": "faust.app.base:App.consumer",
    "_coordinator": "aiokafka.consumer.consumer:AIOKafkaConsumer.start",
    "_create_fetch_waiter": "aiokafka.consumer.fetcher:Fetcher.fetched_records",
    "_db_for_partition": "faust.stores.rocksdb:Store.persisted_offset",
    "_dbs": "faust.stores.rocksdb:Store.__init__",
    "_do_commit_offsets": "aiokafka.consumer.group_coordinator:GroupCoordinator.commit_offsets",
    "_do_heartbeat": "aiokafka.consumer.group_coordinator:GroupCoordinator._heartbeat_routine",
    "_do_rejoin_group": "aiokafka.consumer.group_coordinator:GroupCoordinator.ensure_active_group",
    "_ensure_producer": "faust.transport.drivers.aiokafka:Producer.send",
    "_fetch_max_wait_ms": "aiokafka.consumer.consumer:AIOKafkaConsumer.start",
    "_fetcher": "aiokafka.consumer.consumer:AIOKafkaConsumer.start",
    "_handle_frame": "aiokafka.conn:AIOKafkaConnection._read",
    "_isolation_level": "aiokafka.consumer.consumer:AIOKafkaConsumer.start",
    "_last_action": "aiokafka.conn:AIOKafkaConnection._handle_frame",
    "_last_flush_at": "faust.tables.recovery:Recovery._slurp_changelogs",
    "_max_bytes": "aiokafka.protocol.fetch:FetchRequest.__init__",
    "_max_wait_ms": "aiokafka.protocol.fetch:FetchRequest.__init__",
    "_min_bytes": "aiokafka.protocol.fetch:FetchRequest.__init__",
    "_perform_assignment": "aiokafka.consumer.group_coordinator:CoordinatorGroupRebalance._on_join_leader",
    "_queue": "asyncio.queues:Queue._init",
    "_rack_id": "aiokafka.protocol.fetch:FetchRequest.__init__",
    "_read_offset": "faust.transport.consumer:Consumer.__init__",
    "_records": "aiokafka.consumer.fetcher:Fetcher.__init__",
    "_recovery_started_at": "faust.tables.recovery:Recovery._set_recovery_started",
    "_requests": "aiokafka.conn:AIOKafkaConnection.__init__",
    "_resume": "mode.utils.queues:FlowControlEvent.__init__",
    "_set_recovery_ended": "faust.tables.recovery:Recovery._restart_recovery",
    "_subscription": "aiokafka.consumer.consumer:AIOKafkaConsumer.__init__",
    "_sum": "prometheus_client.metrics:Histogram.observe",
    "_suspend": "mode.utils.queues:FlowControlEvent.__init__",
    "_thread": "faust.transport.consumer:ThreadDelegateConsumer.__init__",
    "_unacked_messages": "faust.transport.consumer:Consumer.__init__",
    "_upper_bounds": "prometheus_client.metrics:Histogram.observe",
    "_writer": "aiokafka.conn:AIOKafkaConnection.connect",
}

_THEIRS = ("faust", "mode", "aiokafka")
# Names that mode adds to each class; they are no overrides.
_NOT_OURS = {"logger", "_abc_impl", "_tasks", "_CLASSES"}
# Private names of Python's own.
_PYTHONS = {"_asdict", "_exit"}


def source_of(where: str) -> str:
    """The source of ``module:Class.function``: for a property of its getter, for a task of mode of its function."""
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    return inspect.getsource(getattr(found, "fget", None) or getattr(found, "fun", None) or found)


def classes() -> Iterator[tuple[str, type, list[type]]]:
    """Each class of the worker that derives from one of theirs, with its bases of theirs."""
    for found in pkgutil.walk_packages(streams.worker.__path__, "streams.worker."):
        module = importlib.import_module(found.name)
        for name, made in vars(module).items():
            if inspect.isclass(made) and made.__module__ == found.name:
                theirs = [base for base in made.__mro__[1:] if base.__module__.partition(".")[0] in _THEIRS]
                if theirs:
                    yield f"{found.name.removeprefix('streams.worker.')}.{name}", made, theirs


@pytest.mark.parametrize("ours", sorted(OVERRIDDEN))
def test_what_is_overridden_is_called(ours: str) -> None:
    """The base class has the name, and the listed function calls or reads it."""
    name = ours.rpartition(".")[2]
    (theirs,) = [theirs for found, _, theirs in classes() if found == ours.rpartition(".")[0]]
    assert any(name in vars(base) or name in getattr(base, "__annotations__", {}) for base in theirs), "it is gone"
    assert re.search(rf"\.{name}\b", source_of(OVERRIDDEN[ours])), f"{OVERRIDDEN[ours]} no longer calls it"


@pytest.mark.parametrize("name", sorted(USED))
def test_what_is_used_is_there(name: str) -> None:
    """The listed function sets or reads the private name."""
    assert re.search(rf"\b{name}\b", source_of(USED[name])), f"{USED[name]} no longer knows it"


def test_every_override_is_listed() -> None:
    """The table lists every override, because an unlisted one has no test, and lists nothing else."""
    found = {
        f"{ours}.{name}"
        for ours, made, theirs in classes()
        for name in set(vars(made)) - _NOT_OURS
        if not name.startswith("__")
        and any(name in vars(base) for base in theirs)
        and not ours.startswith("monitoring.")
    }
    assert found == set(OVERRIDDEN) | TASKS


def test_every_private_name_is_listed() -> None:
    """The table lists every private name of theirs that the worker's modules use."""
    used: set[str] = set()
    own: set[str] = set()
    for path in sorted(Path(streams.worker.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.add(node.name)
            elif isinstance(node, ast.Name):
                own.add(node.id)
            elif isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
                is_self = isinstance(node.value, ast.Name) and node.value.id == "self"
                if is_self and isinstance(node.ctx, ast.Store):
                    own.add(node.attr)
                used.add(node.attr)
    overridden = {name.rpartition(".")[2] for name in OVERRIDDEN}
    assert used - own - overridden - _PYTHONS - set(USED) == set()
