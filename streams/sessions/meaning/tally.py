"""What a session's actions add up to: a function of the set of them, in whatever order they come (S8)."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from streams.rules.root_sessions import LEVELS
from streams.sessions.meaning.judgement import highest

if TYPE_CHECKING:
    from streams.extraction.sighting import Resource
    from streams.rules.root_sessions import Call, Level, Outcome, SessionRules, SessionSeverity
    from streams.sessions.action import Action
    from streams.sessions.meaning.judgement import Judgement

MOST_RESOURCES = 1_000
"""How many resources a summary names."""


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """How many calls of one name had one outcome."""

    source: str
    name: str
    outcome: Outcome
    count: int = 1

    @property
    def what(self) -> tuple[str, str, str]:
        """What is counted."""
        return self.source, self.name, self.outcome


@dataclass(frozen=True, slots=True)
class Headline:
    """The call that a summary names.

    Attributes:
        severity: that of the call alone.
        is_read: whether it only read; what wrote comes first.
        time: when, in milliseconds since the epoch.
        event_key: tells the calls of one time apart.
        words: what it did.
    """

    severity: Level
    is_read: bool
    time: int
    event_key: str
    words: str

    @property
    def rank(self) -> tuple[int, bool, int, str, str]:
        """The least is the headline: the most severe, then what wrote, then the first."""
        return -LEVELS.index(self.severity), self.is_read, self.time, self.event_key, self.words


class Tally(Struct, frozen=True, gc=False):
    """The sum of a session's actions. It has no order in it, so that any order of actions gives the same.

    Attributes:
        counts: one per call and outcome, in order.
        resources: the first thousand of the distinct resources, in order.
        has_more_resources: whether there are others beside these.
        first: when the first action happened, in milliseconds since the epoch; ``None`` without actions.
        last: the same of the last one.
        severity: the highest of the calls alone.
        headline: the call to name; ``None`` without actions.
        from_own_address: an action came from the address of the grant.
        from_other_address: an action came from another one.
        cut: the names of fields that were too long in an action, in order.
    """

    counts: tuple[Count, ...] = ()
    resources: tuple[Resource, ...] = ()
    has_more_resources: bool = False
    first: int | None = None
    last: int | None = None
    severity: Level = LEVELS[0]
    headline: Headline | None = None
    from_own_address: bool = False
    from_other_address: bool = False
    cut: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many actions there are."""
        return sum(count.count for count in self.counts)

    def count(self, outcome: Outcome) -> int:
        """How many actions had this outcome."""
        return sum(count.count for count in self.counts if count.outcome == outcome)

    def has_succeeded(self, call: Call) -> bool:
        """Whether the call succeeded at least once."""
        return any(count.what == (*call, "success") for count in self.counts)

    def raised(self, rules: SessionRules) -> tuple[SessionSeverity, ...]:
        """What raises the severity of the session above that of its calls alone."""
        return tuple(
            raised
            for raised in rules.session_severity
            if self.has_succeeded(raised.succeeded.call) and not self.has_succeeded(raised.without.call)
        )

    def session_severity(self, rules: SessionRules) -> Level:
        """The severity of the session as a whole (S11)."""
        return highest(self.severity, *(raised.level for raised in self.raised(rules)))

    def add(self, action: Action, judgement: Judgement, words: str) -> Tally:
        """The tally with one more action; ``words`` say what it did."""
        event = action.event
        headline = Headline(judgement.severity, judgement.kind == "read", event.time, action.event_key, words)
        resources, has_more = _with_resources(self.resources, event.resources)
        return structs.replace(
            self,
            counts=_counted(self.counts, Count(event.source, event.name, judgement.outcome)),
            resources=resources,
            has_more_resources=self.has_more_resources or has_more,
            first=event.time if self.first is None else min(self.first, event.time),
            last=event.time if self.last is None else max(self.last, event.time),
            severity=highest(self.severity, judgement.severity),
            headline=headline if self.headline is None else min(self.headline, headline, key=lambda one: one.rank),
            from_own_address=self.from_own_address or judgement.same_source_ip is True,
            from_other_address=self.from_other_address or judgement.same_source_ip is False,
            cut=tuple(sorted({*self.cut, *action.cut})),
        )


def resource_order(resource: Resource) -> tuple[tuple[bool, str], ...]:
    """The order of resources: by ARN, type and account, what is missing first."""
    return tuple((part is not None, part or "") for part in (resource.arn, resource.type, resource.account_id))


def _counted(counts: tuple[Count, ...], one: Count) -> tuple[Count, ...]:
    for place, count in enumerate(counts):
        if count.what == one.what:
            return (*counts[:place], replace(count, count=count.count + 1), *counts[place + 1 :])
    longer = list(counts)
    insort(longer, one)
    return tuple(longer)


def _with_resources(kept: tuple[Resource, ...], more: tuple[Resource, ...]) -> tuple[tuple[Resource, ...], bool]:
    """The first thousand of all these, and whether that leaves some out."""
    new = set(more).difference(kept)
    if not new:
        return kept, False
    ordered = sorted((*kept, *new), key=resource_order)
    return tuple(ordered[:MOST_RESOURCES]), len(ordered) > MOST_RESOURCES
