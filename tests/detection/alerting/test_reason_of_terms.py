"""The reason of rules over any terms (U9)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from sightings import ALICE, DAY, NOON, RULE, sighting
from three_rules import ONE, THREE, TWO, of_rule, rule

from streams.detection.alerting.reason import sentence
from streams.detection.group_summary import Others
from streams.detection.novelty import Novelty

if TYPE_CHECKING:
    from streams.rules.rule import Rule

NO_OTHERS = Others(0, None)
FIRST = Novelty("first", NOON, NOON, None, 1, NO_OTHERS, None)
BACK = Novelty("returned", NOON, NOON - 90 * DAY, NOON - 12 * DAY, 4, NO_OTHERS, None)
UNKNOWN = structs.replace(FIRST, kind="unknown")
HERE = f"{ALICE} used CreateUser in account 111111111111"
FULL = "the rule remembers as many tuples as it may, so nobody can tell whether"
NEW_YEAR = "since 2026-01-01"


@pytest.mark.parametrize(
    ("made_by", "novelty", "words"),
    [
        (ONE, FIRST, "for the first time: cloud.region is new"),
        (ONE, BACK, "again after 12 days: cloud.region was not seen in between"),
        (ONE, UNKNOWN, f"; {FULL} cloud.region is new"),
        (TWO, FIRST, "for the first time: cloud.account.id, user.name are new together"),
        (TWO, BACK, "again after 12 days: cloud.account.id, user.name were not seen together in between"),
        (TWO, UNKNOWN, f"; {FULL} cloud.account.id, user.name are new together"),
        (
            TWO,
            structs.replace(FIRST, others=Others(1, NOON)),
            (
                f"for the first time: cloud.account.id, user.name are new together; 1 other is known with this "
                f"cloud.account.id {NEW_YEAR}"
            ),
        ),
        (
            THREE,
            structs.replace(BACK, others=Others(7, NOON)),
            (
                "again after 12 days: cloud.account.id, cloud.region, user.name were not seen together in between; 7 "
                f"others are known with this cloud.account.id {NEW_YEAR}"
            ),
        ),
        (
            THREE,
            structs.replace(UNKNOWN, others=Others(7, NOON)),
            f"; {FULL} cloud.account.id, cloud.region, user.name are new together",
        ),
    ],
)
def test_the_reason_names_the_fields_that_are_new(made_by: Rule, novelty: Novelty, words: str) -> None:
    """U9: one sentence says who used what where, which terms are new, and how many others are known."""
    seen = of_rule(made_by, NOON, *"abc"[: len(made_by.terms)])
    assert sentence(seen, novelty, made_by, None) == f"{HERE}{'' if words.startswith(';') else ' '}{words}"


@pytest.mark.parametrize(
    ("principal", "account_id", "name", "words"),
    [
        (None, "111111111111", "CreateUser", "a caller without an ARN used CreateUser in account 111111111111 for"),
        (ALICE, None, "CreateUser", f"{ALICE} used CreateUser for the first time"),
        (ALICE, None, None, f"{ALICE} used an unnamed event for the first time"),
    ],
)
def test_the_reason_does_without_what_is_missing_in_a_record(
    principal: str | None, account_id: str | None, name: str | None, words: str
) -> None:
    """U9: a record may have no principal, no account and no name."""
    seen = of_rule(ONE, NOON, "a", principal=principal, account_id=account_id, name=name)
    assert sentence(seen, FIRST, ONE, None).startswith(words)


def test_the_account_is_else_the_one_that_received_the_record() -> None:
    """U9: without the caller's account the sentence has the recipient's."""
    seen = of_rule(ONE, NOON, "a", account_id=None)
    seen = structs.replace(seen, event=structs.replace(seen.event, recipient_account_id="999999999999"))
    assert "used CreateUser in account 999999999999 for" in sentence(seen, FIRST, ONE, None)


def test_a_rules_own_words_stand_for_the_event() -> None:
    """A4, U9: an action in the rule's words takes the place of the event's name."""
    spoken = replace(ONE, action="created a user")
    assert sentence(of_rule(spoken, NOON, "a"), FIRST, spoken, None).startswith(
        f"{ALICE} created a user in account 111111111111 for the first time"
    )


@pytest.mark.parametrize(
    "terms",
    [
        ("rootwatch.member_account",),
        ("rootwatch.member_account", "rootwatch.principal"),
        ("rootwatch.principal", "rootwatch.member_account", "cloud.region"),
        ("user.name", "rootwatch.member_account"),
    ],
)
def test_only_principal_and_account_are_told_as_a_principals_accounts(terms: tuple[str, ...]) -> None:
    """U9: with other terms, others of the group are no other accounts of the principal."""
    made_by = rule("accounts", *terms)
    seen = structs.replace(of_rule(made_by, NOON, *"abc"[: len(terms)]), member_account="222222222222")
    said = sentence(seen, structs.replace(FIRST, others=Others(2, NOON)), made_by, None)
    assert "other account" not in said
    assert ", ".join(terms) in said


def test_principal_and_account_of_any_rule_are_told_as_the_shipped_ones() -> None:
    """U9: a rule with a query over the shipped rule's terms has its sentence, with the event's name."""
    made_by = rule("accounts", *RULE.terms)
    shipped = sighting(task_policy=None)
    seen = structs.replace(shipped, rule_id="accounts", event=structs.replace(shipped.event, name="CreateUser"))
    assert sentence(seen, FIRST, made_by, None) == (
        f"{ALICE} called CreateUser on 222222222222 for the first time; this is its first use of CreateUser on any "
        "account"
    )
