"""The rules that run together, compiled: what each takes, and which of them a record may concern (U3, U10)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from streams.fields.catalogue import MAPPING_VERSION, Field, field_named
from streams.rules.query.compiler import compile_query
from streams.rules.query.literals import requirements
from streams.rules.query.parser import parse_query
from streams.rules.query.partial import rest_of
from streams.rules.query.printer import print_query
from streams.rules.query.tree import Match
from streams.rules.rule_errors import RuleErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from streams.fields.view import View
    from streams.rules.query.literals import Requirements
    from streams.rules.query.tree import Query
    from streams.rules.rule import Rule

_GRANTING = frozenset({"AssumeRoot"})
_NETWORKS = "source.as."
_FINGERPRINT_LENGTH = 16
"""In hexadecimal digits. A fingerprint only tells apart what one rule has been over the years."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A rule, ready to judge records.

    Attributes:
        rule: the rule.
        query: its query, parsed.
        matches: whether its query takes a record (U3).
        terms: the fields of its terms, in order (U4).
        requirements: what each record that it takes has (U10).
        query_fingerprint: of the query's meaning, the terms and the version of the mapping; if it changes, the rule
            learns anew (U6).
        terms_fingerprint: of the terms and the version of the mapping; part of the keys of the rule's memory (U5).
    """

    rule: Rule
    query: Query
    matches: Callable[[View], bool]
    terms: tuple[Field, ...]
    requirements: Requirements
    query_fingerprint: str
    terms_fingerprint: str

    @property
    def grants_root(self) -> bool:
        """Whether each sighting is a grant that may open a root session (S3): it takes ``AssumeRoot`` only."""
        return self.requirements.actions == _GRANTING

    def __eq__(self, other: object) -> bool:
        return self.rule == other.rule if isinstance(other, CompiledRule) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a rule has no hash, because its task policies are a dict

    def __reduce__(self) -> tuple[Any, ...]:
        return compile_rule, (self.rule,)  # a compiled query cannot be pickled


def compile_rule(rule: Rule) -> CompiledRule:
    """Compile a rule that ``rule_file`` has read.

    Raises:
        QueryError: its query is not understood.
        UnknownFieldError: a term is no field.
    """
    query = parse_query(rule.query)
    terms = tuple(map(field_named, rule.terms))
    names = [term.name for term in terms]
    return CompiledRule(
        rule=rule,
        query=query,
        matches=compile_query(query),
        terms=terms,
        requirements=requirements(query),
        query_fingerprint=_fingerprint(print_query(query), names, MAPPING_VERSION),
        terms_fingerprint=_fingerprint(names, MAPPING_VERSION),
    )


@dataclass(frozen=True, slots=True, eq=False)
class EventRules:
    """The rules that may take the records of one event.

    Attributes:
        rules: the rules, by id; all others take none of these records.
        tests: of each that may still take a record, what the event leaves to be asked; ``None`` if that is nothing.
    """

    rules: tuple[CompiledRule, ...]
    tests: tuple[tuple[CompiledRule, Callable[[View], bool] | None], ...]

    def takers(self, view: View) -> list[CompiledRule]:
        """Return the rules that take a record of the event, by id."""
        return [rule for rule, test in self.tests if test is None or test(view)]


def reads_everything(compiled: CompiledRule) -> bool:
    """Whether the fetch filter cannot pass over any message because of this rule (U10)."""
    return compiled.requirements.literals is None


READS_EVERYTHING = (
    "reads every message, because its query names no text that each of its records holds; add event.provider or "
    "event.action to the query"
)
"""What an operator must know of such a rule."""


def needs_networks(compiled: CompiledRule) -> bool:
    """Whether the rule's query or terms name the autonomous systems of addresses (U2)."""
    asked = (step.field.name for step in parse_query(compiled.rule.query).steps if isinstance(step, Match))
    return any(name.startswith(_NETWORKS) for name in (*asked, *(term.name for term in compiled.terms)))


NEEDS_NETWORKS = (
    "names source.as.*, which has no value in CloudTrail's own records without a MaxMind database of the type "
    "GeoLite2-ASN or GeoIP2-ISP; name one in geoip_database"
)
"""What an operator must know of such a rule if there is no such database."""


class RuleSet:
    """The rules of a worker or a replay. Two sets of equal rules are equal; the order of the arguments is no matter.

    Attributes:
        rules: the rules, by id.
        by_id: the same, under their ids.
        literals: a record that some rule takes holds at least one of these texts, as plain bytes; ``None`` if a rule
            may take a record without any of a known few (U10).
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile the rules.

        Raises:
            RuleErrors: two rules have the same id.
        """
        by_id = sorted(rules, key=attrgetter("id"))
        counts = Counter(rule.id for rule in by_id)
        if twice := [rule_id for rule_id, count in counts.items() if count > 1]:
            raise RuleErrors(f"id: {each!r}: is the id of several rules; each rule needs its own" for each in twice)
        self.rules: tuple[CompiledRule, ...] = tuple(map(compile_rule, by_id))
        self.by_id: Mapping[str, CompiledRule] = {rule.rule.id: rule for rule in self.rules}
        self.literals: frozenset[str] | None = _literals(self.rules)
        self._provider, self._action = field_named("event.provider"), field_named("event.action")
        needs = [rule.requirements for rule in self.rules]
        self._providers = frozenset[str]().union(*(need.providers for need in needs if need.providers is not None))
        actions = frozenset[str]().union(*(need.actions for need in needs if need.actions is not None))
        self._by_action: dict[str | None, list[CompiledRule]] = {
            action: [rule for rule in self.rules if _allows(rule.requirements.actions, action)]
            for action in (None, *actions)
        }
        # By provider and action, None for any that no rule names: at most as many entries as there are such pairs.
        self._dispatch: dict[tuple[str | None, str | None], EventRules] = {}

    def candidates(self, view: View) -> Sequence[CompiledRule]:
        """Return the rules, by id, that may take the record by its provider and action; all others do not take it."""
        providers, actions = view.values(self._provider), view.values(self._action)
        if len(providers) == 1 and len(actions) == 1:
            return self.of_event(providers[0], actions[0]).rules
        pairs = product(providers or (None,), actions or (None,))
        found = {rule.rule.id: rule for pair in pairs for rule in self.of_event(*pair).rules}
        return [found[rule_id] for rule_id in sorted(found)]

    def of_event(self, provider: str | None, action: str | None) -> EventRules:
        """Return the rules for records with this one provider and action; ``None`` for none."""
        pair = (provider if provider in self._providers else None, action if action in self._by_action else None)
        found = self._dispatch.get(pair)
        if found is None:
            of_action = self._by_action[pair[1]]
            rules = tuple(rule for rule in of_action if _allows(rule.requirements.providers, pair[0]))
            named = zip((self._provider, self._action), pair, strict=True)
            known = {field: (value,) for field, value in named if value is not None}
            found = self._dispatch[pair] = EventRules(rules, tuple(_tests(rules, known)))
        return found

    def __eq__(self, other: object) -> bool:
        return self.rules == other.rules if isinstance(other, RuleSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as CompiledRule

    def __repr__(self) -> str:
        return f"RuleSet({', '.join(self.by_id)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return RuleSet, ([rule.rule for rule in self.rules],)


def _allows(needed: frozenset[str] | None, value: str | None) -> bool:
    return needed is None or value in needed


def _tests(
    rules: Iterable[CompiledRule], known: Mapping[Field, tuple[str, ...]]
) -> Iterator[tuple[CompiledRule, Callable[[View], bool] | None]]:
    for rule in rules:
        rest = rest_of(rule.query, known)
        if rest is not False:
            yield rule, None if rest is True else compile_query(rest)


def _literals(rules: Sequence[CompiledRule]) -> frozenset[str] | None:
    literals: set[str] = set()
    for rule in rules:
        if rule.requirements.literals is None:
            return None
        literals |= rule.requirements.literals
    return frozenset(literals)


def _fingerprint(*parts: object) -> str:
    """Return what stands for the parts for years: it is stored in keys and compared with what was stored."""
    text = json.dumps(parts, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_FINGERPRINT_LENGTH]
