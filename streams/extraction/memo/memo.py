"""Remembers what became of records, by those of their values that decide it.

Most records that a rule takes are like one a short time ago: what queries and terms read of them is the same. Then the
queries give the same answers, and the terms the same values. So a part of the record and one look-up are enough, and
the record is neither parsed in full nor judged again.

Rules:
- What decides is the event, and the values of all fields that a query or term of the event's rules reads. If one of
  these fields depends on more than a few values (``deciding``), records of the event are read in full.
- Only a record in CloudTrail's usual form has a key (``part``), and only ASCII: nothing checks the encoding of what is
  not read. A record that is malformed, or whose event or time is missing, has none.
- The outcome is learned from the full reading, which knows nothing of the memo.
- The depth of a record's nesting is not in the key, see ``first_look.is_shallow_text``.
- If few keys are found, as where nearly all tuples are new, most messages are not looked at.
- Memory is bounded: of two generations of at most 8,192 outcomes the older one is dropped, and a key has at most 1,024
  characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from streams.content.redaction.redact import is_kept
from streams.extraction.memo.deciding import IDENTITY_TYPE, deciding, key_getter, paths_of
from streams.extraction.memo.part import UNUSUAL, Part
from streams.fields.values import NO_VALUES
from streams.rules.query.tree import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from streams.extraction.extract import ExtractSettings
    from streams.fields.terms import PrincipalSource
    from streams.rules.rule_set import CompiledRule, RuleSet

GENERATION = 8_192
"""How many outcomes a generation has. With its key, one takes 1 to 3 kB."""

_LARGEST = 32 * 1024
_LONGEST_KEY = 1_024
_MOST_EVENTS = 4_096
_LONGEST_NAME = 128  # of an event's provider or action; a record with a longer one is read in full
# A look at a message costs much less than reading it in full, so it is worth it if one key in four or so is found.
_CREDIT_OF_FOUND, _MOST_CREDIT, _SAMPLED_IN = 4, 1_024, 16
_OF_KINESIS = "aws:kinesis"  # a shape of its own, see ``cloudtrail.recognises``
_EVENT = ("eventSource", "eventName", "eventCategory", "eventType")
_TIME = "eventTime"

T = TypeVar("T")
_Key = tuple[Any, ...]


class Look(Struct, Generic[T], frozen=True, gc=False):
    """What the memo knows of a message.

    Attributes:
        key: the values that decide what becomes of it.
        event_time: its ``eventTime``, as written.
        outcome: what became of a record with the same key; ``None`` if that is not known.
    """

    key: _Key
    event_time: str
    outcome: T | None


class Memo(Generic[T]):
    """The outcomes of records, by what decides them. It is for one thread.

    Attributes:
        largest: the largest message that is looked at, in bytes.
    """

    def __init__(self, rules: RuleSet, settings: ExtractSettings, *, generation: int = GENERATION) -> None:
        """Begin without any outcome.

        Args:
            rules: the rules.
            settings: the settings.
            generation: how many outcomes a generation has.
        """
        self.largest = min(settings.max_message_size, _LARGEST)
        fields = {name for rule in rules.rules for name in _fields_of(rule)}
        of_fields = (deciding(name, "", settings.principal) or () for name in fields)
        part = Part(paths_of((*_EVENT, _TIME, IDENTITY_TYPE)).union(*map(paths_of, of_fields)))
        self._decode, self._event_of = part.decode, part.getter((*_EVENT[:2], _TIME))
        self._keys = _Keys(rules, settings.principal, part)
        self._young: dict[_Key, T] = {}
        self._old: dict[_Key, T] = {}
        self._generation = generation
        self._credit = _MOST_CREDIT
        self._passed = 0

    def look(self, value: bytes) -> Look[T] | None:
        """Look at the bytes of a message; ``None`` if it has to be read in full, whatever the memo knows."""
        if self._credit <= 0:
            self._passed += 1
            if self._passed % _SAMPLED_IN:
                return None
            self._credit = 1
        self._credit -= 1
        if not value.startswith(b"{") or len(value) > self.largest or not value.isascii():
            return None
        try:
            part = self._decode(value)
            source, name, event_time = self._event_of(part)
            key_of = self._keys[source, name]
            if key_of is None or not isinstance(event_time, str):
                return None
            key = key_of(part)
        except (*UNUSUAL, AttributeError):  # the last for an object that is null
            return None
        outcome = self._young.get(key)
        if outcome is None and (outcome := self._old.pop(key, None)) is not None:
            self._put(key, outcome)  # what is asked for stays
        if outcome is not None and self._credit < _MOST_CREDIT:
            self._credit += _CREDIT_OF_FOUND
        return Look(key, event_time, outcome)

    def learn(self, key: _Key, outcome: T) -> None:
        """Remember what became of a record with this key."""
        if len(repr(key)) <= _LONGEST_KEY:
            self._put(key, outcome)

    def _put(self, key: _Key, outcome: T) -> None:
        if len(self._young) >= self._generation:
            self._young, self._old = {}, self._young
        self._young[key] = outcome


class _Keys(dict[tuple[Any, Any], "Callable[[Any], _Key] | None"]):
    """What gives the key of a record, by provider and action; ``None`` if a record of the event has none."""

    def __init__(self, rules: RuleSet, principal: PrincipalSource, part: Part) -> None:
        super().__init__()
        self._rules = rules
        self._principal = principal
        self._part = part

    def __missing__(self, event: tuple[Any, Any]) -> Callable[[Any], _Key] | None:
        if not all(map(_is_usual, event)):
            return None  # and it is not kept: a name may have thousands of characters
        if len(self) >= _MOST_EVENTS:
            self.clear()
        values = self._values(*event)
        try:
            key_of = self[event] = None if values is None else key_getter(self._part, values)
        except KeyError:
            key_of = self[event] = None
        return key_of

    def _values(self, provider: str, action: str) -> Collection[str] | None:
        if provider == _OF_KINESIS:
            return None
        values = dict.fromkeys((*_EVENT, IDENTITY_TYPE))
        for rule in self._rules.of_event(provider, action).rules:
            for name in _fields_of(rule):
                of_field = deciding(name, action, self._principal)
                if of_field is None:
                    return None
                values |= dict.fromkeys(of_field)
        return values


def _is_usual(name: Any) -> bool:
    """Whether a provider or an action has a value, which redaction keeps: rules are asked for the redacted one."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and name not in NO_VALUES and is_kept(name)


def _fields_of(rule: CompiledRule) -> Iterator[str]:
    """Return the first names of the fields that a rule's query and terms read."""
    yield from (step.field.name for step in rule.query.steps if isinstance(step, Match))
    yield from (term.name for term in rule.terms)
