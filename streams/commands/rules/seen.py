"""What a sample of messages shows of rules: how much each takes, and why one cannot fire with such data (U12)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from streams import pipeline
from streams.extraction.record import Record
from streams.fields.catalogue import field_named
from streams.fields.view import RecordView
from streams.inputs.message_reader import read
from streams.rules.importing.event_names import data_events
from streams.rules.query.parser import parse_query
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.fields.catalogue import Field
    from streams.fields.view import View
    from streams.pipeline import ExtractSettings
    from streams.rules.rule_set import CompiledRule

_MOST_NAMED = 5
_PROVIDER, _ACTION = field_named("event.provider"), field_named("event.action")
_CATEGORY, _MANAGEMENT = field_named("eventCategory"), field_named("managementEvent")


class Silence(NamedTuple):
    """Why a rule did not fire, in words, and whether it never can with such data; else its events may only be rare."""

    text: str
    is_sure: bool


class Seen:
    """Counts what the messages of a sample show.

    Attributes:
        messages: how many messages there were.
        records: how many records were in them.
        taken: how many records each rule took, by rule id.
        sightings: how many sightings they gave.
        read: how many messages the fetch filter would let through for each rule alone, by rule id.
        of_events: how many records were of the events that each rule names, by rule id.
    """

    def __init__(self, rules: RuleSet, extract_settings: ExtractSettings) -> None:
        self.messages = 0
        self.records = 0
        self.taken: Counter[str] = Counter()
        self.sightings: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.of_events: Counter[str] = Counter()
        self._rules = rules
        self._settings = extract_settings
        self._matchers = {
            rule_id: pipeline.compile_matcher(RuleSet([compiled.rule]), extract_settings)
            for rule_id, compiled in rules.by_id.items()
        }
        self._names: set[tuple[str, str]] = set()
        self._has_data_events = False
        self._asked = {rule_id: _fields(compiled) for rule_id, compiled in rules.by_id.items()}
        self._without: dict[str, Counter[str]] = {rule_id: Counter() for rule_id in rules.by_id}
        self._no_time: Counter[str] = Counter()
        self._missing_terms: dict[str, Counter[str]] = {rule_id: Counter() for rule_id in rules.by_id}

    def add(self, value: bytes | None) -> list[Record]:
        """Take note of one message, and return its records."""
        self.messages += 1
        self.read.update(rule_id for rule_id, matches in self._matchers.items() if matches(value))
        records = [item for item in read(value, self._settings.max_message_size) if isinstance(item, Record)]
        self.records += len(records)
        for record in records:
            self._look_at(RecordView(record.fields, record.document, self._settings))
        for rule_id, taking in pipeline.sight(value, self._rules, self._settings).rules.items():
            self.taken[rule_id] += taking.taken
            self.sightings[rule_id] += taking.sightings
            self._missing_terms[rule_id].update(taking.missing_terms)
            self._no_time[rule_id] += taking.no_time
        return records

    def _look_at(self, view: View) -> None:
        names = ((provider, action) for provider in view.values(_PROVIDER) for action in view.values(_ACTION))
        self._names.update(names)
        if not self._has_data_events:
            self._has_data_events = "Data" in view.values(_CATEGORY) or "false" in view.values(_MANAGEMENT)
        for compiled in self._rules.candidates(view):
            rule_id = compiled.rule.id
            self.of_events[rule_id] += 1
            asked = self._asked[rule_id].items()
            self._without[rule_id].update(name for name, field in asked if not view.values(field))

    def why_silent(self, compiled: CompiledRule) -> Iterator[Silence]:
        """Give why a rule did not fire, and so may never fire, with data like the sample's; nothing if it did."""
        rule_id = compiled.rule.id
        count, taken = self.of_events[rule_id], self.taken[rule_id]
        if self.sightings[rule_id] or not self.records:
            return
        if self.misses_data_events(compiled):
            needed = f"{_listed(_data_events(compiled))}: the trail must record data events"
            yield Silence(f"{needed}; none of {self.records:,} records is one", is_sure=True)
        elif not count:
            yield Silence(f"{_events(compiled)} never occurred in {self.records:,} records", is_sure=False)
        elif taken:
            for name, missing in self._missing_terms[rule_id].items():
                yield Silence(f"takes {taken:,} records, and {missing:,} of them have no {name}", is_sure=True)
            if timeless := self._no_time[rule_id]:
                yield Silence(f"takes {taken:,} records, and {timeless:,} of them have no readable time", is_sure=True)
        else:
            names = [name for name in self._asked[rule_id] if self._without[rule_id][name] == count]
            lack = f"; none of them has {_listed(tuple(names))}" if names else ""
            yield Silence(f"its query took none of the {count:,} records of its events{lack}", is_sure=False)

    def misses_data_events(self, compiled: CompiledRule) -> bool:
        """Whether a rule takes data events only, and the sample has none of any kind."""
        return bool(_data_events(compiled)) and not self._has_data_events

    def never_occurred(self, compiled: CompiledRule) -> tuple[str, ...]:
        """Return the names of events that the rule names, and that no record has."""
        seen = {action for _, action in self._names}
        return tuple(sorted((compiled.requirements.actions or frozenset()) - seen))


def _fields(compiled: CompiledRule) -> dict[str, Field]:
    """Return the fields of a rule's query and terms, by a name that its author knows."""
    asked = {field.name: field for field in parse_query(compiled.rule.query).fields()}
    return asked | {term.name: term for term in compiled.terms}


def _data_events(compiled: CompiledRule) -> tuple[str, ...]:
    return data_events(parse_query(compiled.rule.query))


def _events(compiled: CompiledRule) -> str:
    needs = compiled.requirements
    if needs.actions is not None:
        return _listed(tuple(sorted(needs.actions)))
    return f"events of {_listed(tuple(sorted(needs.providers or ())))}" if needs.providers else "its events"


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
