from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import RULE

from streams.fields.catalogue import Field, field_named
from streams.rules.rule_errors import RuleErrors
from streams.rules.rule_set import RuleSet, compile_rule

if TYPE_CHECKING:
    from streams.rules.rule import Rule

PROVIDERS, ACTIONS = (
    ("iam.amazonaws.com", "sts.amazonaws.com", "ec2.amazonaws.com"),
    ("CreateUser", "AssumeRole", "Get"),
)
CLAUSES = (
    *(f"event.provider: {provider}" for provider in PROVIDERS),
    *(f'event.action: "{action}"' for action in ACTIONS),
    "event.action: (CreateUser or AssumeRole)",
    "event.action: Create*",
    "not event.provider: iam.amazonaws.com",
    "user.name: alice",
)


class Values:
    """A view whose values are given by name."""

    def __init__(self, **values: tuple[str, ...]) -> None:
        self._values = {field_named(name.replace("__", ".")): texts for name, texts in values.items()}

    def values(self, field: Field, /) -> tuple[str, ...]:
        """The texts given for the field; none if none were."""
        return self._values.get(field, ())


def rule(rule_id: str, query: str, *terms: str) -> Rule:
    return replace(
        RULE, id=rule_id, query=query, terms=terms or ("user.name",), event_source=None, event_name=None, refresh=None
    )


def test_a_rule_is_compiled() -> None:
    """U1, U4: a compiled rule judges views, and has the fields of its terms and what a taken record must hold."""
    compiled = compile_rule(rule("a", "eventName: CreateUser and user.name: al*", "eventSource", "userIdentity.arn"))
    assert [term.name for term in compiled.terms] == ["event.provider", "aws.cloudtrail.user_identity.arn"]
    assert compiled.matches(Values(event__action=("CreateUser",), user__name=("bob", "alice")))
    assert not compiled.matches(Values(event__action=("CreateUser",)))
    assert compiled.requirements.actions == {"CreateUser"}


def test_fingerprints_live_for_years() -> None:
    """U6: these are stored in topics; if one changes, every rule learns anew and its memory is lost."""
    shipped = compile_rule(RULE)
    assert (shipped.query_fingerprint, shipped.terms_fingerprint) == ("602e974c937dd56f", "f799a8c436270578")
    other = compile_rule(
        rule("a", 'event.action: ("CreateUser" or Delete*) and not user.name: "a b"', "cloud.account.id")
    )
    assert (other.query_fingerprint, other.terms_fingerprint) == ("5d1adc50dc9c89a6", "7c6921a5192f1de8")


@pytest.mark.parametrize(
    ("query", "terms", "same"),
    [
        ("event.action:CreateUser   and  user.name : alice", ("cloud.account.id", "user.name"), (True, True)),
        ('eventName: "CreateUser" AND (user.name: "alice")', ("cloud.account.id", "user.name"), (True, True)),
        ("event.action: CreateUser", ("cloud.account.id", "user.name"), (False, True)),
        ("event.action: CreateUser and user.name: alice", ("user.name", "cloud.account.id"), (False, False)),
        ("event.action: CreateUser and user.name: alice", ("cloud.account.id",), (False, False)),
    ],
)
def test_fingerprints_are_of_the_meaning(query: str, terms: tuple[str, ...], same: tuple[bool, bool]) -> None:
    """U6: blanks, quotes and other names of a field are no change; a clause or another term is one."""
    one = compile_rule(rule("a", "event.action: CreateUser and user.name: alice", "cloud.account.id", "user.name"))
    other = compile_rule(rule("b", query, *terms))
    queries, terms_of_both = (
        {one.query_fingerprint, other.query_fingerprint},
        {one.terms_fingerprint, other.terms_fingerprint},
    )
    assert (len(queries) == 1, len(terms_of_both) == 1) == same


@given(
    st.lists(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=2).map(" and ".join), min_size=1, max_size=8),
    st.lists(st.sampled_from((*PROVIDERS, "other")), max_size=2, unique=True),
    st.lists(st.sampled_from((*ACTIONS, "Other")), max_size=2, unique=True),
    st.sampled_from([(), ("alice",)]),
)
def test_every_rule_that_matches_is_a_candidate(
    queries: list[str], providers: list[str], actions: list[str], users: tuple[str, ...]
) -> None:
    """U10: candidates are in order of ids, and hold every rule whose query takes the record."""
    rules = RuleSet(rule(f"r{number}", query) for number, query in enumerate(queries))
    view = Values(event__provider=tuple(providers), event__action=tuple(actions), user__name=users)
    for _ in range(2):  # the second answer is a remembered one
        ids = [each.rule.id for each in rules.candidates(view)]
        assert ids == sorted(ids)
        assert {each.rule.id for each in rules.rules if each.matches(view)} <= set(ids)


def test_candidates_are_few() -> None:
    """U10: of many rules on one action each, a record's candidates are those of its action and those of any."""
    rules = RuleSet([*(rule(f"r{n}", f"event.action: A{n}") for n in range(50)), rule("any", "user.name: *")])
    assert [each.rule.id for each in rules.candidates(Values(event__action=(f"A{7}",)))] == ["any", "r7"]
    assert [each.rule.id for each in rules.candidates(Values())] == ["any"]


@given(st.permutations([rule("b", "event.action: B"), rule("a", "event.action: A"), RULE]))
def test_the_order_of_rules_changes_nothing_and_a_set_pickles(rules: list[Rule]) -> None:
    """U8: a set is its rules by id, and comes back equal from a pickle."""
    made = RuleSet(rules)
    assert list(made.by_id) == ["a", RULE.id, "b"]
    assert made == RuleSet(reversed(rules)) == pickle.loads(pickle.dumps(made))  # noqa: S301  our own bytes
    again = pickle.loads(pickle.dumps(made.by_id["a"]))  # noqa: S301  our own bytes
    assert again == made.by_id["a"]
    assert again.matches(Values(event__action=("A",)))


def test_literals_are_those_of_all_rules() -> None:
    """U10: the filter's literals are the rules' together; one rule without any makes it let everything pass."""
    some = [rule("a", "event.action: CreateUser"), rule("b", 'event.action: ("AssumeRole" or "GetUser")')]
    assert RuleSet(some).literals == {"CreateUser", "AssumeRole", "GetUser"}
    assert RuleSet([*some, rule("c", "user.name: *")]).literals is None


def test_two_rules_of_one_id_are_refused() -> None:
    """U8: two rules of one id are no set."""
    with pytest.raises(RuleErrors, match="id: 'a': is the id of several rules"):
        RuleSet([rule("a", "event.action: A"), rule("a", "event.action: B"), rule("c", "event.action: C")])
