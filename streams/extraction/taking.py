"""What one rule makes of a record that it takes: a sighting per combination of its terms' values (U3, U4).

Rules:
- The first term is the slowest, and values are in the record's order. The first 100 combinations count.
- A text of more than 16,384 characters is no term: it would be part of keys, and topics and tables bound these.
- Without a value of each term, or without a time, there is no sighting. A rule with ``incomplete = "dead-letter"``
  keeps such a record as incomplete (T5), any other only counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from streams.extraction.sighting import Sighting, Term
from streams.fields.catalogue import MAPPING_VERSION, field_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.extraction.call import Call, CallTime
    from streams.fields.view import View
    from streams.rules.rule_set import CompiledRule

LONGEST_TERM = 16_384
"""The longest text of a term, in characters; IAM's ARNs have at most 2,048. In a key, one may take twelve bytes."""

MOST_COMBINATIONS = 100
"""How many combinations of a record give a sighting."""

_MEMBER_ACCOUNT = "rootwatch.member_account"
_WORDS = {"rootwatch.principal": "principal", _MEMBER_ACCOUNT: "member account"}


@dataclass(frozen=True, slots=True)
class Partial:
    """The known values of an incomplete record.

    Attributes:
        rule_id: the rule that takes it.
        terms: each term's field, as the rule writes it, and its first value; ``None`` if it has none.
        principal: T3; ``None`` if the record has none.
        member_account: T4; ``None`` if the record has none, or it is no term.
        event_id: T6.
        event_time: in milliseconds since the epoch; ``None`` if it is not readable.
        task_policy: as in a sighting.
        issued_access_key_id: as in a sighting.
    """

    rule_id: str
    terms: tuple[tuple[str, str | None], ...]
    principal: str | None
    member_account: str | None
    event_id: str
    event_time: int | None
    task_policy: str | None
    issued_access_key_id: str | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A record without a value that a sighting needs (T5).

    Attributes:
        error: what is missing or wrong, in words.
        partial: the known values.
        record: the source record, redacted, as canonical JSON text.
        redacted: whether anything in it was replaced.
    """

    error: str
    partial: Partial
    record: str
    redacted: bool


class WasSent(Protocol):
    """Says which sightings need not be made (U7)."""

    def __call__(self, rule_id: str, values: tuple[str, ...], time: int, /) -> bool:
        """Whether the rule's sighting with these values of its terms was sent shortly before or after this time."""


class Taken(Struct, frozen=True, gc=False):
    """What a rule makes of a record that it takes.

    Attributes:
        rule_id: the rule.
        sightings: one per combination, in order.
        incomplete: what is kept if there is none; only for a rule that keeps incomplete records (T5).
        missing_terms: the terms without a value, or with one that is too long, as the rule writes them.
        time_problems: why there is no time that a sighting can have, in words.
        cut: how many combinations were too many.
        refreshed: how many sightings were not made, because they were sent a short time ago (U7).
        time: the event's time in milliseconds, if there is no sighting; ``None`` if it is not readable.
    """

    rule_id: str
    sightings: tuple[Sighting, ...] = ()
    incomplete: Incomplete | None = None
    missing_terms: tuple[str, ...] = ()
    time_problems: tuple[str, ...] = ()
    cut: int = 0
    refreshed: int = 0
    time: int | None = None

    @property
    def event_time(self) -> int | None:
        """The event's time in milliseconds; ``None`` if it is not readable."""
        return self.sightings[0].event.time if self.sightings else self.time


class Taking(Struct):
    """What one rule took of a message, in numbers.

    Attributes:
        taken: how many records its query takes.
        sightings: how many sightings they gave.
        missing_terms: how many of them have no value of a term, or one that is too long, by the term's field as the
            rule writes it.
        no_time: how many of them have no readable time, or one of the future (T5).
        cut: how many combinations were too many (U4).
        refreshed: how many sightings were not made, because they were sent a short time ago (U7).
    """

    taken: int = 0
    sightings: int = 0
    missing_terms: dict[str, int] = field(default_factory=dict)
    no_time: int = 0
    cut: int = 0
    refreshed: int = 0

    def add(self, taken: Taken) -> None:
        """Count one more record."""
        self.taken += 1
        if taken.sightings:
            self.sightings += len(taken.sightings)
        if taken.refreshed:
            self.refreshed += taken.refreshed
        if taken.missing_terms:
            for name in taken.missing_terms:
                self.missing_terms[name] = self.missing_terms.get(name, 0) + 1
        if taken.time_problems:
            self.no_time += 1
        if taken.cut:
            self.cut += taken.cut


def take_sent(view: View, time: CallTime, takers: Sequence[CompiledRule], was_sent: WasSent) -> list[Taken] | None:
    """Return what ``take`` makes of a call for rules whose sightings all need not be made; ``None`` if one has to be.

    Nothing but the terms and the time is looked at. The view must have the terms as a redacted record has them.
    """
    if time.problems:
        return None
    taken = []
    for compiled in takers:
        values = _sole_values(view, compiled)
        if values is None or not was_sent(compiled.rule.id, values, time.by_clock):
            return None
        taken.append(_was_refreshed(compiled.rule.id, time))
    return taken


def take(call: Call, compiled: CompiledRule, was_sent: WasSent | None = None) -> Taken:
    """Return what a rule makes of a call that its query takes; without the sightings that ``was_sent`` names."""
    rule = compiled.rule
    problems = call.time.problems
    if not problems and (values := _sole_values(call.view, compiled)) is not None:  # nearly every record
        if was_sent is not None and was_sent(rule.id, values, call.time.by_clock):
            return _was_refreshed(rule.id, call.time)
        return Taken(rule.id, _sightings(call, compiled, ((0, values),)))
    found = [call.view.values(term) for term in compiled.terms]
    columns = [_fitting(values) for values in found]
    if all(columns) and not problems:
        combinations = list(enumerate(islice(product(*columns), MOST_COMBINATIONS)))
        count = len(combinations)
        if was_sent is not None:
            time = call.time.by_clock
            combinations = [one for one in combinations if not was_sent(rule.id, one[1], time)]
        return Taken(
            rule.id,
            _sightings(call, compiled, combinations) if combinations else (),
            refreshed=count - len(combinations),
            missing_terms=tuple(_short_of_values(rule.terms, found, columns)) if columns != found else (),
            cut=max(0, prod(map(len, columns)) - MOST_COMBINATIONS),
            time=call.time.event,
        )
    missing = tuple(_short_of_values(rule.terms, found, columns))
    incomplete = None
    if rule.incomplete == "dead-letter":
        known = tuple((name, next(iter(values), None)) for name, values in zip(rule.terms, found, strict=True))
        without = [_without(name, value) for (name, value), fitting in zip(known, columns, strict=True) if not fitting]
        error = "; ".join((*without, *problems))
        incomplete = Incomplete(error, _partial(call, rule.id, known), call.shared().text, call.is_redacted)
    return Taken(rule.id, incomplete=incomplete, missing_terms=missing, time_problems=problems, time=call.time.event)


def _short_of_values(
    names: Sequence[str], found: list[tuple[str, ...]], columns: list[tuple[str, ...]]
) -> Iterator[str]:
    """Return the terms without a value, and those of which a value is too long."""
    for name, values, fitting in zip(names, found, columns, strict=True):
        if not fitting or len(fitting) < len(values):
            yield name


def _was_refreshed(rule_id: str, time: CallTime) -> Taken:
    return Taken(rule_id, refreshed=1, time=time.event)


def _sole_values(view: View, compiled: CompiledRule) -> tuple[str, ...] | None:
    """Return the value of each term, if each has one, and none is too long."""
    values = []
    for term in compiled.terms:
        column = view.values(term)
        if len(column) != 1 or len(column[0]) > LONGEST_TERM:
            return None
        values.append(column[0])
    return tuple(values)


def _fitting(values: tuple[str, ...]) -> tuple[str, ...]:
    if all(len(value) <= LONGEST_TERM for value in values):
        return values
    return tuple(value for value in values if len(value) <= LONGEST_TERM)


def _sightings(
    call: Call, compiled: CompiledRule, combinations: Sequence[tuple[int, tuple[str, ...]]]
) -> tuple[Sighting, ...]:
    rule = compiled.rule
    account = _place_of_account(rule.terms)
    source = None if account is None else call.account_source
    shared = call.shared()
    text, principal, identity, event = shared.text, shared.principal, shared.identity, shared.event
    return tuple(
        [  # a list, and by position: this runs once per sighting
            Sighting(
                rule.id,
                tuple(map(Term, rule.terms, values)),
                index,
                MAPPING_VERSION,
                principal,
                None if account is None else values[account],
                source,
                identity,
                event,
                text,
                call.origin,
            )
            for index, values in combinations
        ]
    )


@lru_cache
def _place_of_account(terms: tuple[str, ...]) -> int | None:
    """Return which of a rule's terms is the member account; ``None`` if none is."""
    names = [field_named(term).name for term in terms]
    return names.index(_MEMBER_ACCOUNT) if _MEMBER_ACCOUNT in names else None


def _without(name: str, value: str | None) -> str:
    """Return in words that a term has no value, or only one that is too long."""
    words = _WORDS.get(name, name)
    return f"no {words}" if value is None else f"the {words} is longer than {LONGEST_TERM:,} characters"


def _partial(call: Call, rule_id: str, terms: tuple[tuple[str, str | None], ...]) -> Partial:
    shared = call.shared()
    return Partial(
        rule_id=rule_id,
        terms=terms,
        principal=shared.principal,
        member_account=dict(terms).get(_MEMBER_ACCOUNT),
        event_id=shared.event.id,
        event_time=call.time.event,
        task_policy=shared.event.task_policy,
        issued_access_key_id=shared.event.issued_access_key_id,
    )
