"""U1, U3: how a query judges values; how texts with stars match."""

from __future__ import annotations

import pytest
from queries import FixedView

from streams.rules.query.compiler import compile_query
from streams.rules.query.parser import parse_query


@pytest.mark.parametrize(
    ("text", "values", "taken"),
    [
        ("user.id: a", ("a",), True),
        ("user.id: a", ("A",), False),
        ("user.id: a", ("a ",), False),
        ("user.id: é", ("e\u0301",), False),
        ("user.id: a", (), False),
        ("user.id: a", ("b", "a"), True),
        ("not user.id: a", (), True),
        ("not user.id: a", ("b", "a"), False),
        ("not user.id: a", ("b",), True),
        ("user.id: *", (), False),
        ("user.id: *", ("x",), True),
        ("not user.id: *", (), True),
        ("user.id: (a and b)", ("a", "b"), True),
        ("user.id: (a and b)", ("a",), False),
        ("user.id: (a* and *b)", ("ax", "xb"), True),
        ("user.id: (* and not (A* or B))", ("C",), True),
        ("user.id: (* and not (A* or B))", ("C", "Ax"), False),
        ("user.id: (* and not (A* or B))", (), False),
        ("user.id: (a or * or b*)", ("z",), True),
        ("user.id: true", ("true",), True),
        ("user.id: a*", ("a",), True),
        ("user.id: a*a", ("a",), False),
        ("user.id: a*a", ("aa",), True),
        ("user.id: *aa*", ("a", "a"), False),
        ("user.id: *b*", ("a\nb\nc",), True),
        ("user.id: a*c*e", ("abcde",), True),
        ("user.id: a*c*e", ("aecbe",), True),
        ("user.id: a*c*e", ("abde",), False),
        ("user.id: ab*ba", ("aba",), False),
        ("user.id: *ab*ab*", ("abab",), True),
        ("user.id: *ab*ab*", ("abxb",), False),
        ("user.id: a?c", ("abc",), False),
        (r"user.id: a\*", ("ab",), False),
        (r"user.id: a\**", ("a*b",), True),
        ('user.id: "a*"', ("ab",), False),
        ("user.id: (a* or b* or *c or *d or x*y or e)", ("bz",), True),
        ("user.id: (a* or b* or *c or *d or x*y or e)", ("zd",), True),
        ("user.id: (a* or b* or *c or *d or x*y or e)", ("x-y",), True),
        ("user.id: (a* or b* or *c or *d or x*y or e)", ("e",), True),
        ("user.id: (a* or b* or *c or *d or x*y or e)", ("ee",), False),
        ("user.id: a or event.action: x or user.id: b", ("b",), True),
        ("user.id: (a or b) and not event.action: *", ("b",), True),
    ],
)
def test_a_clause_is_true_if_any_value_is_the_text(text: str, values: tuple[str, ...], taken: bool) -> None:  # noqa: FBT001  a table
    """U1: whole values, by code points; ``not`` is "no value"; a group may be met by different values."""
    assert compile_query(parse_query(text))(FixedView({"user.id": values})) is taken
