"""U10: what is required of a record's bytes and event, query by query."""

from __future__ import annotations

import pytest

from streams.rules.query.literals import requirements
from streams.rules.query.parser import parse_query

SHIPPED = 'event.provider: "sts.amazonaws.com" and event.action: "AssumeRoot" and event.outcome: success'


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        (SHIPPED, {"AssumeRoot"}),
        ("event.action: (A1 or B2)", {"A1", "B2"}),
        ("event.action: (A1 or B2) and user_agent.original: *Terraform*", {"A1", "B2"}),
        ("event.action: Invoke* and event.provider: lambda.amazonaws.com", {"Invoke"}),
        ("event.action: * and user_agent.original: (*S3 Browser* or *Cyberduck*)", {"Browser", "Cyberduck"}),
        ("user.id: *role/AgentCore-*", {"AgentCore-"}),
        ("user.id: *short* and event.provider: sts.amazonaws.com", {"sts.amazonaws.com"}),
        ("event.action: A1 or user.id: B2", {"A1", "B2"}),
        ("event.action: A1 or event.outcome: success", None),
        ("event.action: (A1 or *)", None),
        ("event.action: (A1 or 12-34)", None),
        ("event.outcome: success", None),
        ('source.ip: "2001:db8::1"', None),
        ("user.id: 1e-07", None),
        ("user.id: *1E5*", None),
        ("user.id: é", None),
        ("not event.action: A1", None),
        ("not event.action: A1 and event.action: B*", {"B"}),
        ("not (not event.action: A1)", {"A1"}),
        ("(event.action: A1 and user.id: longest) or (user.id: B2 and event.outcome: x)", {"A1", "B2"}),
    ],
)
def test_the_literals_of_a_query(text: str, literals: set[str] | None) -> None:
    """U10: of ``and`` the clause on the action, else the longest; of ``or`` each; else none."""
    assert requirements(parse_query(text)).literals == literals


@pytest.mark.parametrize(
    ("text", "providers", "actions"),
    [
        (SHIPPED, {"sts.amazonaws.com"}, {"AssumeRoot"}),
        ("event.action: (A or B)", None, {"A", "B"}),
        ("event.action: (A or B*)", None, None),
        ("event.action: (A and B)", None, {"A"}),
        ("event.action: (A or B) and eventName: C", None, {"C"}),
        ("(event.provider: p and event.action: A) or (event.provider: q and event.action: B)", {"p", "q"}, {"A", "B"}),
        ("event.provider: p and (event.action: A or user.id: x)", {"p"}, None),
        ("not event.action: A", None, None),
        ("event.action: *", None, None),
    ],
)
def test_the_events_of_a_query(text: str, providers: set[str] | None, actions: set[str] | None) -> None:
    """U10: the sets are exact where the query fixes them. Two texts may be two values of one record."""
    required = requirements(parse_query(text))
    assert (required.providers, required.actions) == (providers, actions)
