"""``rootwatch rules check``: loads rules, and explains what each reads, takes, remembers and costs (U12)."""

from __future__ import annotations

import json as to_json
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams import settings
from streams.backtest.sources.file_messages import CannotReadError
from streams.commands.rules.entries import Entries, Json, Strict, entries_or_configured, rule_files
from streams.commands.rules.seen import Seen
from streams.commands.terminal.file_messages import STDIN, messages_of
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import say
from streams.content.printable import printable
from streams.fields.catalogue import field_named
from streams.rules.duration import format_duration
from streams.rules.query.parser import parse_query
from streams.rules.query.printer import print_query
from streams.rules.rule_set import NEEDS_NETWORKS, READS_EVERYTHING, RuleSet, reads_everything
from streams.settings.networks import without_networks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.rules.rule_set import CompiledRule
    from streams.settings import Settings
    from streams.settings.rule_entries import RuleFile

_A_LOT = 0.01
_INDENT = 12
_HAS_NO_NAMES = "none: reads every message"
_OF_ONE_RECORD = "differs in each record, so everything is new"
_OF_A_SESSION = "differs in each session of a role, so many tuples are new; rootwatch.issuer_or_arn does not"
_UNSTABLE = {
    "event.id": _OF_ONE_RECORD,
    "requestID": _OF_ONE_RECORD,
    "sharedEventID": _OF_ONE_RECORD,
    "userIdentity.accessKeyId": _OF_A_SESSION,
    "userIdentity.arn": _OF_A_SESSION,
    "user.id": _OF_A_SESSION,
    "source.ip": "changes often, so many tuples are new; source.as.number changes less",
    "source.address": "changes often, so many tuples are new; source.as.number changes less",
}
_WHY_UNSTABLE = {field_named(name): why for name, why in _UNSTABLE.items()}


@dataclass(slots=True)
class Checked:
    """What is known of a rule.

    Attributes:
        facts: what it is and does, in words, by their names.
        numbers: what the sample shows of it; ``None`` without a sample.
        warnings: what is probably not as it was meant.
        notes: what its author may want to know.
    """

    name: str
    compiled: CompiledRule
    facts: dict[str, str]
    numbers: dict[str, int] | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Give all that a person must know, as names and sentences."""
        yield from self.facts.items()
        yield from (("warning", text) for text in self.warnings)
        yield from (("note", text) for text in self.notes)

    def document(self) -> dict[str, Any]:
        """Return the same as an object for programs."""
        rule, needs = self.compiled.rule, self.compiled.requirements
        query = parse_query(rule.query)
        return {
            "rule_id": rule.id,
            "version": rule.version,
            "name": rule.name,
            "file": self.name,
            "query": print_query(query),
            "terms": list(rule.terms),
            "fields": [one.name for one in query.fields()],
            "providers": None if needs.providers is None else sorted(needs.providers),
            "actions": None if needs.actions is None else sorted(needs.actions),
            "needles": None if needs.literals is None else sorted(needs.literals),
            "sample": self.numbers,
            "warnings": self.warnings,
            "notes": self.notes,
        }


def check(
    files: Entries = None,
    *,
    sample: Annotated[
        list[str] | None,
        typer.Option(
            "--sample",
            metavar="PATH",
            help="CloudTrail to measure with: a file as for explain, a folder of files, or - (stdin); repeatable.",
        ),
    ] = None,
    strict: Strict = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Load rules and explain each: its fields, what is searched for, and with --sample how much it takes.

    Exit codes: 0 every rule loads; 1 the sample cannot be read, or with --strict a warning; 2 a rule does not load, or
    wrong usage.

    Examples:
        rootwatch rules check shipped
        rootwatch rules check my-rule.toml --sample archive/
    """
    configured = settings.load(config)
    found = rule_files(entries_or_configured(files, config))
    rules = RuleSet(each.rule for each in found)
    seen, all_read = _sampled(sample or (), rules, configured)
    blind = without_networks(rules, configured.geoip_database)
    checked = [_checked(each, rules.by_id[each.rule.id], seen, each.rule.id in blind) for each in found]
    for number, one in enumerate(checked):
        if json:
            sys.stdout.write(f"{to_json.dumps(one.document())}\n")
        elif sys.stdout.isatty():
            sys.stdout.write("\n" * bool(number) + _shown(one))
        else:
            lines = (f"{one.compiled.rule.id}\t{name}\t{printable(text)}\n" for name, text in one.pairs())
            sys.stdout.write("".join(lines))
    warned = sum(bool(one.warnings) for one in checked)
    say(f"{len(checked)} rule{'s' * (len(checked) != 1)}: all load{f'; {warned} with warnings' * bool(warned)}")
    if not all_read or (strict and warned):
        raise typer.Exit(1)


def _sampled(paths: Sequence[str], rules: RuleSet, configured: Settings) -> tuple[Seen | None, bool]:
    """Read the sample. Returns what it shows, nothing without a sample, and whether all of it could be read."""
    if not paths:
        return None, True
    seen, all_read = Seen(rules, configured.extract_settings()), True
    for file in (file for path in paths for file in _files(path)):
        try:
            for _, value in messages_of(file, configured.max_message_size):
                seen.add(value)
        except (OSError, CannotReadError) as error:
            say(f"rootwatch: {file}: cannot be read: {getattr(error, 'strerror', None) or error}")
            all_read = False
    if not seen.records:
        say("rootwatch: the sample holds no CloudTrail record")
        all_read = False
    return seen, all_read


def _files(path: str) -> list[str]:
    if path == STDIN or not Path(path).is_dir():
        return [path]
    return sorted(str(file) for file in Path(path).rglob("*") if file.is_file())


def _checked(found: RuleFile, compiled: CompiledRule, seen: Seen | None, is_blind: bool) -> Checked:  # noqa: FBT001  of one call
    one = Checked(found.name, compiled, dict(_facts(found, compiled)))
    for term, name in zip(compiled.terms, compiled.rule.terms, strict=True):
        if term in _WHY_UNSTABLE:
            one.notes.append(f"term {name} {_WHY_UNSTABLE[term]}")
    if is_blind:
        one.warnings.append(NEEDS_NETWORKS)
    if reads_everything(compiled):
        one.warnings.append(READS_EVERYTHING)
    if seen is not None and seen.records:
        _add_sample(one, compiled, seen)
    return one


def _add_sample(one: Checked, compiled: CompiledRule, seen: Seen) -> None:
    rule_id = compiled.rule.id
    taken, read = seen.taken[rule_id], seen.read[rule_id]
    one.numbers = {"messages": seen.messages, "read": read, "records": seen.records, "taken": taken}
    one.facts["sample"] = (
        f"{taken:,} of {seen.records:,} records taken ({taken / seen.records:.2%}); "
        f"{read:,} of {seen.messages:,} messages read for it ({read / seen.messages:.2%})"
    )
    if taken / seen.records > _A_LOT:
        one.warnings.append(f"takes {taken / seen.records:.1%} of the records: new-terms rules are for what is rare")
    silent = list(seen.why_silent(compiled))
    for silence in silent:
        (one.warnings if silence.is_sure else one.notes).append(silence.text)
    if not silent and (missing := seen.never_occurred(compiled)):
        one.notes.append(f"never occurred in the sample: {', '.join(missing)}")


def _facts(found: RuleFile, compiled: CompiledRule) -> Iterator[tuple[str, str]]:
    rule, needs = found.rule, compiled.requirements
    query = parse_query(rule.query)
    yield "name", f"{rule.name} (version {rule.version}, {rule.severity} {rule.risk_score})"
    yield "file", found.name
    yield "query", print_query(query)
    yield "reads", ", ".join(one.name for one in query.fields())
    yield "services", "any" if needs.providers is None else ", ".join(sorted(needs.providers))
    yield "events", "any" if needs.actions is None else ", ".join(sorted(needs.actions))
    if needs.literals is None:
        yield "needles", _HAS_NO_NAMES
    else:
        yield "needles", "the events' names" if needs.literals == needs.actions else ", ".join(sorted(needs.literals))
    yield "terms", ", ".join(rule.terms)
    memory = f"known for {format_duration(rule.window)}"
    if rule.forget_after is not None:
        memory += f", forgotten after {format_duration(rule.forget_after)}"
    if rule.learn is not None:
        memory += f", learns for {format_duration(rule.learn)}"
    yield "memory", f"{memory}; at most {rule.max_entries:,} tuples a partition"
    if rule.max_alerts:
        yield "cap", f"{rule.max_alerts} alerts per {rule.terms[0]} in {format_duration(rule.cap_period)}"
    else:
        yield "cap", "none"


def _shown(one: Checked) -> str:
    """Return the rule for people: its id, then names and sentences, wrapped for the terminal."""
    width = max(40, get_terminal_size().columns)
    lines = [one.compiled.rule.id]
    for name, text in one.pairs():
        lines += textwrap.wrap(
            printable(text),
            width,
            initial_indent=f"  {name}".ljust(_INDENT),
            subsequent_indent=" " * _INDENT,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"
