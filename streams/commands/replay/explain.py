"""``rootwatch explain``: why a message of a file or a topic alerted or did not, one JSON line per message."""

from __future__ import annotations

import errno
import json
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams import pipeline, settings
from streams.backtest.sources.file_messages import CannotReadError
from streams.backtest.sources.request import parse_offsets
from streams.commands.terminal.file_messages import STDIN, messages_of
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import MemberAccount, Principal, Rules, say, say_what_rules_need
from streams.content.redaction.redact import redact_text
from streams.errors import UsageError
from streams.extraction.event_time import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.sighting import Origin, Sighting
    from streams.pipeline import ExtractSettings, Partial, Rejected, SightResult, Taking
    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings

_REASONS_SHOWN = 3
_NO_CALLS_OF_ROOT = frozenset({"not-root", "not-a-call"})
# Standard output is closed or its disk is full. An input file never fails with one of these.
_OUTPUT_FAILURES = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT})


def explain(  # noqa: PLR0913  one for each option
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Each is one message, gzip or not; .jsonl and .ndjson, also .jsonl.gz, have one per line; - is stdin."
        ),
    ] = None,
    *,
    topic: Annotated[
        str | None, typer.Option("--topic", help="Explain messages of this topic instead of files; needs --offset.")
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            "--offset",
            metavar="P:O,…",
            help="Partition and offset of a message, such as 2:1234, from an alert's origin. May be repeated.",
        ),
    ] = None,
    rule: Rules = None,
    principal: Principal = None,
    member_account: MemberAccount = None,
    max_message_size: Annotated[
        str | None, typer.Option("--max-message-size", help="How large a message may be, decompressed: 64MiB.")
    ] = None,
    config: Config = None,
) -> None:
    """Say for every message whether it is a sighting, and if not, why.

    Exit codes: 0 explained; 1 a file or a message could not be read; 2 wrong usage.

    Examples:
        rootwatch explain message.json
        rootwatch explain --topic cloudtrail --offset 3:112
        zcat log.json.gz | rootwatch explain -
    """
    positions = _positions(files, topic, offset)
    configured = settings.load(
        config,
        rules=rule or None,
        principal=principal,
        member_account=member_account,
        max_message_size=max_message_size,
    )
    say_what_rules_need(configured.load_rules(), configured.geoip_database)
    if topic is None:
        all_read = _explain_files(files or [], configured.load_rules(), configured.extract_settings())
    else:
        all_read = _explain_records(topic, positions, configured)
    if not all_read:
        raise typer.Exit(1)


def _positions(files: list[str] | None, topic: str | None, offset: list[str] | None) -> list[tuple[int, int]]:
    """The partitions and offsets of ``--offset``; UsageError unless files, or a topic with offsets, are given."""
    if bool(files) == (topic is not None):
        raise UsageError("give files, or else --topic and --offset; one of them and not both")
    if topic is not None and not topic:
        raise UsageError("--topic '': give the topic's name")
    if bool(offset) != (topic is not None):
        raise UsageError("--topic and --offset need each other: --topic cloudtrail --offset 2:1234")
    return [position for text in offset or () for position in parse_offsets("--offset", text)]


def _explain_files(files: list[str], rules: RuleSet, extract_settings: ExtractSettings) -> bool:
    """Explain the messages of files. Returns whether every file could be read."""
    all_read = True
    for file in files:
        try:
            for source, value in messages_of(file, extract_settings.max_message_size):
                explained = explanation(source, value, rules, extract_settings)
                _write(explained)
                if not explained["filtered"]:
                    _tell_more(source, value, rules, extract_settings)
                if source == file != STDIN and str(explained["reason"]).startswith("too-large: "):
                    say(
                        f"rootwatch: {file}: read as one message; name it .jsonl or .jsonl.gz if each line is a message"
                    )
        except (OSError, CannotReadError) as error:
            if getattr(error, "errno", None) in _OUTPUT_FAILURES:
                raise
            say(f"rootwatch: {file}: cannot be read: {getattr(error, 'strerror', None) or error}")
            all_read = False
    return all_read


def _explain_records(topic: str, positions: list[tuple[int, int]], configured: Settings) -> bool:
    """Explain records of a topic. Returns whether there is a record at every position."""
    # Files need no Kafka client, which is slow to import.
    from streams.commands.terminal.stored_values import describe_stored_value  # noqa: PLC0415
    from streams.kafka.origin import origin_of  # noqa: PLC0415
    from streams.kafka.readers.single_record import NoRecordError, read_records  # noqa: PLC0415

    rules, extract_settings = configured.load_rules(), configured.extract_settings()
    all_read = True
    for record in read_records(configured, topic, positions):
        if isinstance(record, NoRecordError):
            say(f"rootwatch: {record}")
            all_read = False
            continue
        origin, value = origin_of(record.message), record.message.value()
        source = f"{origin.topic}:{origin.partition}:{origin.offset}"
        explained = explanation(source, value, rules, extract_settings, origin)
        if description := describe_stored_value(value or b""):
            explained["reason"] = description
        _write(explained)
        if not explained["filtered"]:
            _tell_more(source, value, rules, extract_settings)
        if not record.is_committed:
            say(f"rootwatch: {source}: workers do not read it: its transaction was aborted, or has not ended")
    return all_read


def _write(explained: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(explained)}\n")


def explanation(
    source: str, value: bytes | None, rules: RuleSet, extract_settings: ExtractSettings, origin: Origin | None = None
) -> dict[str, Any]:
    """Explain one message; the keys are part of the contract (P8).

    Args:
        source: where the message is from, for the answer.
        value: its bytes; ``None`` is a tombstone.
        rules: the rules of the worker.
        extract_settings: the settings of the worker.
        origin: where in Kafka it is from, with its timestamp; ``None`` for files.
    """
    result = pipeline.sight(value, rules, extract_settings, origin)
    as_worker = replace(extract_settings, follow_sessions=True)  # a worker also reads the actions of root sessions
    reason = _reason(result)
    return {
        "source": source,
        "outcome": _outcome(result),
        "reason": None if reason is None else redact_text(reason),
        "filtered": not pipeline.may_match(value, rules, as_worker),
        "sightings": list(_sightings(result)),
        "rules": [_taking(rule_id, taking) for rule_id, taking in result.rules.items()],
    }


def _tell_more(source: str, value: bytes | None, rules: RuleSet, extract_settings: ExtractSettings) -> None:
    """Say on stderr what restored records lack (R10), and whether calls of root may be of root sessions (S2).

    The answer on stdout is about sightings, and its form is a contract (P8).
    """
    result = pipeline.sight(value, rules, replace(extract_settings, follow_sessions=True))
    for loss, count in result.losses.items():
        records = "a record was" if count == 1 else f"{count} records were"
        say(f"rootwatch: {source}: {records} {redact_text(loss)} (R10)")
    for key, count in Counter(action.access_key_id for action in result.actions).items():
        say(f"rootwatch: {source}: {_calls(count)} that may be of a root session; see: rootwatch session {key}")
    for reason, count in result.no_candidates.items():
        if reason not in _NO_CALLS_OF_ROOT:
            say(f"rootwatch: {source}: {_calls(count)} that cannot be of a root session: {reason}")


def _calls(count: int) -> str:
    return "a call of root" if count == 1 else f"{count} calls of root"


def _sightings(result: SightResult) -> Iterator[dict[str, Any]]:
    """The sightings, and what is known of the incomplete ones, in the order of their records in the message."""
    shown = 0
    for rejected in result.rejected:
        if rejected.partial is not None:
            yield from map(_sighting, result.sightings[shown : rejected.after])
            shown = rejected.after
            yield _partial(rejected.partial)
    yield from map(_sighting, result.sightings[shown:])


def _outcome(result: SightResult) -> str:
    if result.sightings:
        return "mixed" if result.rejected else "match"
    if not result.rejected:
        return "no-match"
    return "incomplete" if any(rejected.partial is not None for rejected in result.rejected) else "malformed"


def _reason(result: SightResult) -> str | None:
    """Why there is no sighting, or not only sightings."""
    if result.rejected:
        reasons = [_rejection(rejected) for rejected in result.rejected]
    elif result.sightings:
        return None
    elif len(result.passed_over) == 1:
        reasons = list(result.passed_over)
    else:
        reasons = [f"{count} x {reason}" for reason, count in result.passed_over.items()]
    more = len(reasons) - _REASONS_SHOWN
    shown = "; ".join(reasons[:_REASONS_SHOWN]) or "holds no records"
    return f"{shown}; and {more} more" if more > 0 else shown


def _rejection(rejected: Rejected) -> str:
    element = "" if rejected.element is None else f" (element {rejected.element})"
    return f"{rejected.reason}{element}: {rejected.error}"


def _taking(rule_id: str, taking: Taking) -> dict[str, Any]:
    return {
        "rule_id": rule_id,
        "taken": taking.taken,
        "sightings": taking.sightings,
        "missing_terms": taking.missing_terms,
        "no_time": taking.no_time,
        "cut": taking.cut,
    }


def _sighting(sighting: Sighting) -> dict[str, Any]:
    return {
        "rule_id": sighting.rule_id,
        "terms": [{"field": term.field, "value": term.value} for term in sighting.terms],
        "principal": sighting.principal,
        "member_account": sighting.member_account,
        "event_id": sighting.event.id,
        "event_time": format_time(sighting.event.time),
        "task_policy": sighting.event.task_policy,
        "issued_access_key_id": sighting.event.issued_access_key_id,
    }


def _partial(partial: Partial) -> dict[str, Any]:
    return {
        "rule_id": partial.rule_id,
        "terms": [{"field": name, "value": value} for name, value in partial.terms],
        "principal": partial.principal,
        "member_account": partial.member_account,
        "event_id": partial.event_id,
        "event_time": None if partial.event_time is None else format_time(partial.event_time),
        "task_policy": partial.task_policy,
        "issued_access_key_id": partial.issued_access_key_id,
    }
