"""``rootwatch doctor``: checks everything that a worker needs, and names the fix for each error.

It changes nothing. A check that depends on a failed check is ``unknown``, not wrong, so one cause is one line.
"""

from __future__ import annotations

import os
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import geoip2.database
import maxminddb
import typer
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams import settings
from streams.commands.rules.seen import Seen
from streams.commands.terminal.check_list import show
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.errors import OperatorError, SourceError
from streams.kafka.admin import BrokerAccess, BrokerError
from streams.kafka.security import confluent_options
from streams.rules.rule_set import NEEDS_NETWORKS, READS_EVERYTHING, reads_everything
from streams.settings.networks import without_networks
from streams.topics.admin import check_topics
from streams.topics.catalogue import value_schemas
from streams.topics.rights import FIX, missing_rights, worker_rights
from streams.topics.source_sample import sample
from streams.topics.trail_coverage import TrailCoverage
from streams.wire.confluent import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings

ANSWER_SECONDS = 10.0
_FREE_BYTES = 1 << 30
# Producers stamp records with their own clocks. Clocks that are kept by NTP differ by less than a minute.
_SKEW_SECONDS = 60.0
_ROAD = "docs/cloudtrail-to-kafka.md says what a trail must record"
_EXPLAIN = "ask `rootwatch explain --topic TOPIC --offset P:O` about one; docs/operations.md lists what is read"


class Row(NamedTuple):
    """One finding: ``ok``, ``warning``, ``wrong`` or ``unknown``, and a sentence. For ``wrong`` it names the fix."""

    state: str
    sentence: str


def doctor(config: Config = None) -> None:
    """Check settings, rule, disk, brokers, rights, topics, their newest messages, clock and registry; one line each.

    Exit 1 if any is wrong.

    Examples:
        rootwatch doctor
        rootwatch doctor --config /etc/rootwatch/rootwatch.toml
    """
    try:
        configured = settings.load(config)
    except settings.SettingsError as error:
        rows = [Row("wrong", f"settings: {line}") for line in str(error).splitlines()]
    else:
        rows = [Row("ok", "settings: every one is known and valid"), *examine(configured)]
    show(rows)
    if any(row.state == "wrong" for row in rows):
        raise typer.Exit(1)


def examine(configured: Settings) -> Iterator[Row]:
    """Every check except that of the settings' values, in the order in which a worker meets them."""
    for check in (_rule, _exceptions, _geoip, _disk):
        yield from _guarded(check, configured)
    credentials = list(_guarded(_secrets, configured))
    yield from credentials
    if any(row.state == "wrong" for row in credentials):
        yield Row("unknown", "brokers, rights, topics, clock, sample, registry: no credentials to ask with")
        return
    yield from _brokers(configured)
    yield from _guarded(_registry, configured)


def _guarded(check: Callable[[Settings], Iterator[Row]], configured: Settings) -> Iterator[Row]:
    """The rows of a check; an OperatorError is a row too."""
    try:
        yield from check(configured)
    except OperatorError as error:
        yield from (Row("wrong", line) for line in str(error).splitlines())


def _rule(configured: Settings) -> Iterator[Row]:
    for compiled in configured.load_rules().rules:
        rule = compiled.rule
        yield Row("ok", f"rule: {rule.id}, version {rule.version}, window {rule.window // 3_600_000} hours")
        if reads_everything(compiled):
            yield Row("warning", f"rule: {rule.id}: {READS_EVERYTHING}")
    for rule_id in without_networks(configured.load_rules(), configured.geoip_database):
        yield Row("warning", f"rule: {rule_id}: {NEEDS_NETWORKS}")


def _exceptions(configured: Settings) -> Iterator[Row]:
    entries = configured.load_exceptions()
    yield Row("ok", f"exceptions: {len(entries)}")


def _geoip(configured: Settings) -> Iterator[Row]:
    for path in configured.geoip_database:
        try:
            with geoip2.database.Reader(path) as reader:
                yield Row("ok", f"geoip_database: {path}: {reader.metadata().database_type}")
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            yield Row(
                "wrong",
                f"geoip_database: {path}: {error}; put a MaxMind file there, alerts have no location until then",
            )


def _secrets(configured: Settings) -> Iterator[Row]:
    confluent_options(configured)
    registry.check_files(configured)
    yield Row("ok", f"credentials: {configured.security_protocol}, {configured.sasl_mechanism or 'without SASL'}")


def _disk(configured: Settings) -> Iterator[Row]:
    wanted = configured.state_dir.absolute()
    # Not `Path.exists`, which raises if this user may not look into a parent directory.
    existing = next(path for path in (wanted, *wanted.parents) if os.path.exists(path))  # noqa: PTH110  see above
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Row(
            "wrong",
            f"state_dir: {_state_dir_text(existing, wanted)}: this user may not write there; chown it or set state_dir",
        )
        return
    free = shutil.disk_usage(existing).free
    sentence = f"state_dir: {_state_dir_text(existing, wanted)}: {free / (1 << 30):.1f} GiB free"
    yield Row("ok", sentence) if free >= _FREE_BYTES else Row("wrong", f"{sentence}; a worker needs 1 GiB: make room")


def _state_dir_text(existing: Path, wanted: Path) -> str:
    return str(wanted) if existing == wanted else f"{wanted} (to be made in {existing})"


def _brokers(configured: Settings) -> Iterator[Row]:
    servers = ",".join(configured.bootstrap_servers)
    try:
        with BrokerAccess(configured, ANSWER_SECONDS) as access:
            cluster = access.result("cluster", "Describe", access.client.describe_cluster())
            yield Row("ok", f"brokers: {servers}: let in; {len(cluster.nodes)} in the cluster")
            yield from _rights(access, configured)
            yield from _clock(access, configured)
    except OperatorError as error:
        yield Row("wrong", f"brokers: {error}; check bootstrap_servers, the network and the security settings")
        yield Row("unknown", "rights, topics, clock, sample: no broker to ask")
        return
    yield from _guarded(_topics, configured)
    yield from _guarded(_sources, configured)


def _rights(access: BrokerAccess, configured: Settings) -> Iterator[Row]:
    """Compare what the broker says that this user may do with what a worker does."""
    missing = missing_rights(access, worker_rights(configured))
    yield from (Row("wrong", f"rights: {right} is not allowed; {FIX}") for right in missing)
    if not missing:
        yield Row("ok", "rights: all that a worker needs on what is there")


def _clock(access: BrokerAccess, configured: Settings) -> Iterator[Row]:
    """Compare this machine's clock with the newest timestamp in the source topics; brokers do not tell the time."""
    newest = max((_newest(access, topic) for topic in configured.source_topics), default=-1)
    if newest < 0:
        yield Row("unknown", "clock: no record with a Kafka timestamp in the source topics to compare it with")
        return
    age = time.time() - newest / 1000
    if age < -_SKEW_SECONDS:
        yield Row("wrong", f"clock: the newest source record is {-age:.0f} s ahead of this machine; keep clocks by NTP")
    else:
        yield Row("ok", f"clock: not behind the source topics, whose newest record is {max(0.0, age):.0f} s old")


def _newest(access: BrokerAccess, topic: str) -> int:
    """The newest Kafka timestamp of a topic, in milliseconds; -1 if it is empty or cannot be read."""
    try:
        (described,) = access.client.describe_topics(TopicCollection([topic])).values()
        partitions = access.result(f"topic {topic}", "Describe", described).partitions
        asked = {TopicPartition(topic, partition.id): OffsetSpec.max_timestamp() for partition in partitions}
        answers = access.client.list_offsets(asked).values()
        newest: int = max(access.result(f"topic {topic}", "ListOffsets", answer).timestamp for answer in answers)
    except BrokerError:
        return -1
    return newest


def _topics(configured: Settings) -> Iterator[Row]:
    findings = check_topics(configured)
    for finding in findings:
        fix = "; `rootwatch topics apply` fixes it" if finding.is_fixable else ""
        yield Row("wrong" if finding.is_wrong else "warning", f"{finding}{fix}")
    if not any(finding.is_wrong for finding in findings):
        yield Row("ok", "topics: every one is as it must be")


def _sources(configured: Settings) -> Iterator[Row]:
    """Describe the newest messages of each source topic. A worker that cannot read them is blind, but looks healthy."""
    rules = configured.load_rules()
    seen = Seen(rules, configured.extract_settings())
    for topic in configured.source_topics:
        coverage = TrailCoverage()
        try:
            found = sample(topic, configured, rules, partial(_look, seen, coverage))
        except SourceError as error:
            yield Row("unknown", f"sample: {error}")
            continue
        sentence = f"sample: {found}"
        if not found.messages:
            yield Row("unknown", sentence)
        elif not found.cloudtrail:
            yield Row("wrong", f"{sentence}; a worker sees nothing there: {_EXPLAIN}")
        elif found.unread or found.partly:
            yield Row("warning", f"{sentence}; a worker does not see these: {_EXPLAIN}")
        else:
            yield Row("ok", sentence)
        yield from covered(topic, coverage)
    yield from silent_rules(rules, seen)


def _look(seen: Seen, coverage: TrailCoverage, value: bytes | None, kafka_time: int | None) -> None:
    for record in seen.add(value):
        coverage.add(record, kafka_time)


def covered(topic: str, coverage: TrailCoverage) -> Iterator[Row]:
    """Say what the newest records tell of the trail, and what it lacks.

    It is a warning if it blinds a rule for sure, and unknown if it may be meant so: one account is enough for alerts.
    """
    if not coverage.records:
        return
    yield Row("ok", f"trail: {topic}: {coverage}")
    for gap in coverage.gaps():
        state = "warning" if gap.is_sure else "unknown"
        yield Row(state, f"trail: {topic}: of {coverage.records:,} records {gap.text}; {_ROAD}")


def silent_rules(rules: RuleSet, seen: Seen) -> Iterator[Row]:
    """Say which rules cannot fire with data like the sample's (U12).

    An event may only be rare, so this is a warning only if it is sure: the trail has no data events, or the records of
    the rule have no value of a term.
    """
    for compiled in rules.rules:
        for silence in seen.why_silent(compiled):
            sentence = f"rule: {compiled.rule.id}: {silence.text}"
            if silence.is_sure:
                yield Row("warning", f"{sentence}; it cannot fire with such data")
            else:
                yield Row("unknown", f"{sentence}; `rootwatch backtest` over a longer time tells whether it can fire")


def _registry(configured: Settings) -> Iterator[Row]:
    if configured.schema_registry_url is None:
        yield Row("ok", "registry: none; alerts and sessions are in Avro single-object encoding")
        return
    try:
        problems = registry.check_schemas(configured, value_schemas(configured))
    except registry.RegistryRefused as error:
        yield Row("wrong", f"registry: {error}")  # it names its fix
        return
    except registry.RegistryUnavailable as error:
        yield Row("wrong", f"registry: {error}; check schema_registry_url and ssl_ca")
        return
    yield from (Row("wrong", f"registry: {problem}; `rootwatch topics apply` fixes it") for problem in problems)
    if not problems:
        yield Row("ok", "registry: reachable, and holds every schema as it must be")
