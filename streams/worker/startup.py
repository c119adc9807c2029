"""The checks before a worker starts: rules, the registry's files, the state directory, rights, topics, the state."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
import tenacity

from streams.errors import OperatorError
from streams.rules.rule_set import NEEDS_NETWORKS, READS_EVERYTHING, reads_everything
from streams.settings.networks import without_networks
from streams.topics.admin import BrokerUnreachable, check_topics
from streams.topics.rights import check_rights
from streams.wire.confluent import registry
from streams.worker.skips import NO_SKIPS, Skips, check_skips
from streams.worker.state.disk_check import check_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class StartupError(OperatorError):
    """The worker cannot start; the message names the thing and the fix."""


def check(settings: Settings, skips: Skips = NO_SKIPS) -> None:
    """Check everything that a worker needs before it starts; wait for a broker that does not answer.

    Raises:
        SettingsError: a rule or an exception is wrong.
        StartupError, StateError, RegistryMisconfigured: something is wrong that waiting does not fix.
        AccessRefused: the broker refuses the credentials or a right.
        SkipError: a record to be skipped does not exist.
    """
    warn_of_rules(settings.load_rules(), settings.geoip_database)
    settings.load_exceptions()
    registry.check_files(settings)
    check_state_dir(settings.state_dir)
    _until_answered(check_rights, settings)
    wait_for_topics(settings)
    _until_answered(check_state, settings)
    if skips:
        _until_answered(partial(check_skips, skips=skips), settings)


def warn_of_rules(rules: RuleSet, geoip_database: Sequence[Path] = ()) -> None:
    """Log which rules read every message (U10), and which need a database that is not there (U2)."""
    for compiled in rules.rules:
        if reads_everything(compiled):
            log.warning("rule.reads_everything", rule=compiled.rule.id, consequence=READS_EVERYTHING)
    for rule_id in without_networks(rules, geoip_database):
        log.warning("rule.needs_networks", rule=rule_id, consequence=NEEDS_NETWORKS)


def check_state_dir(state_dir: Path) -> None:
    """Create the state directory if it is missing, and check that it can be written to.

    Raises:
        StartupError: it cannot be created or written to (read-only, full).
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state_dir) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
    except OSError as refused:
        raise StartupError(
            f"state_dir = {state_dir}: cannot be written to: {refused.strerror}; set state_dir (or "
            "ROOTWATCH_STATE_DIR) to a directory on a disk with room that this user may write to"
        ) from refused


def wait_for_topics(settings: Settings) -> None:
    """Check the topics; wait without limit until a broker answers.

    Raises:
        StartupError: a topic is missing, or differs in a property that the worker depends on; the message names the
            command that fixes it.
        AccessRefused: the broker refuses the credentials or a right.
    """
    findings = [finding for finding in _until_answered(check_topics, settings) if finding.stops_worker]
    if findings:
        wrong = "; ".join(str(finding) for finding in findings)
        raise StartupError(f"{wrong}. Run `rootwatch topics apply` with the same settings, then start again.")


def _until_answered(question: Callable[[Settings], Answer], settings: Settings) -> Answer:
    """The result of a check, once a broker answers."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BrokerUnreachable),
        wait=tenacity.wait_exponential(multiplier=0.5, max=10),
        before_sleep=_waiting,
        reraise=True,
    )
    return retrying(question, settings)


def _waiting(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning(
        "broker.unreachable", error=str(error), attempt=state.attempt_number, consequence="the worker keeps trying"
    )
