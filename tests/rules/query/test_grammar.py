r"""U1: the language of queries, corner by corner.

A row is a query and its meaning. ``&``, ``|`` and ``!`` stand for and, or, not; ``⋆`` is a star that stands for any
characters, and ``*`` is a plain one.
"""

from __future__ import annotations

import pytest

from streams.rules.query.parser import parse_query
from streams.rules.query.tree import And, Match, Not, Query


def meaning(query: Query) -> str:
    """Return a query with all its parentheses."""
    stack: list[str] = []
    for step in query.steps:
        if isinstance(step, Match):
            stack.append(f"{step.field.name}={'⋆'.join(step.pieces)}")
        elif isinstance(step, Not):
            stack.append(f"!{stack.pop()}")
        else:
            sign = " & " if isinstance(step, And) else " | "
            operands = stack[-step.count :]
            del stack[-step.count :]
            stack.append(f"({sign.join(operands)})")
    (whole,) = stack
    return whole


CLAUSES = [
    # Blanks
    ("user.id: a", "user.id=a"),
    ("user.id:a", "user.id=a"),
    ("  user.id\t:\r\n a \n", "user.id=a"),
    ("user.id :a", "user.id=a"),
    ("user.id: a\rand user.name: b", "(user.id=a & user.name=b)"),
    ("user.id: ( a )", "user.id=a"),
    ("user.id:(a)", "user.id=a"),
    ("( user.id : a )", "user.id=a"),
    # Any name of a field
    ("eventName: a", "event.action=a"),
    ("event.action: a", "event.action=a"),
    ("requestParameters.x-amz-acl: a", "aws.cloudtrail.flattened.request_parameters.x-amz-acl=a"),
    # Quotes
    ('user.id: "a b"', "user.id=a b"),
    ('user.id: " a "', "user.id= a "),
    ('user.id: "a*b"', "user.id=a*b"),
    ('user.id: "*"', "user.id=*"),
    ('user.id: "a and b"', "user.id=a and b"),
    ('user.id: "and"', "user.id=and"),
    ('user.id: "(a): <b> {c}"', "user.id=(a): <b> {c}"),
    (r'user.id: "\"\\"', 'user.id="\\'),
    (r'user.id: "\t\r\n"', "user.id=\t\r\n"),
    (r'user.id: "\u0041\u00e9\u00E9"', "user.id=Aéé"),
    (r'user.id: "\ud83d\ude00"', "user.id=😀"),
    (r'user.id: "\ude00\ud83d"', "user.id=\ude00\ud83d"),
    (r'user.id: "\\n"', r"user.id=\n"),
    ('user.id: "line\nbreak"', "user.id=line\nbreak"),
    # Words
    ("user.id: a b", "user.id=a b"),
    ("user.id: a  b\t\nc  ", "user.id=a  b\t\nc"),
    ("user.id: 5", "user.id=5"),
    ("user.id: true", "user.id=true"),
    ("user.id: -", "user.id=-"),
    ("user.id: a/b?c,d=e+f'g;h@i[j]|k&l!m%n^o~p#q$r`s", "user.id=a/b?c,d=e+f'g;h@i[j]|k&l!m%n^o~p#q$r`s"),
    ("user.id: ä€😀", "user.id=ä€😀"),
    ("user.id: a\xa0b", "user.id=a\xa0b"),
    # Escapes outside quotes
    (r"user.id: arn\:aws\:iam\:\:1\:root", "user.id=arn:aws:iam::1:root"),
    (r"user.id: \\\(\)\:\<\>\"\*\{\}", 'user.id=\\():<>"*{}'),
    (r"user.id: \t\r\n", "user.id=\t\r\n"),
    (r"user.id: \u0020a\u0020", "user.id= a "),
    (r"user.id: \ud83d\ude00", "user.id=😀"),
    (r"user.id: \u002a", "user.id=*"),
    (r"user.id: \and", "user.id=and"),
    (r"user.id: \OR", "user.id=OR"),
    (r"user.id: \not", "user.id=not"),
    (r"user.id: \Not", "user.id=Not"),
    (r"user.id:\not", "user.id=not"),
    (r"user.id: (\and or \or)", "(user.id=and | user.id=or)"),
    (r"user.id: a \and b", "user.id=a and b"),
    (r"user.id: \nothing", "user.id=\nothing"),
    # Stars
    ("user.id: *", "user.id=⋆"),
    ("user.id: ***", "user.id=⋆"),
    ("user.id: a*", "user.id=a⋆"),
    ("user.id: *a", "user.id=⋆a"),
    ("user.id: *a*", "user.id=⋆a⋆"),
    ("user.id: a**b", "user.id=a⋆b"),
    ("user.id: a*b*c", "user.id=a⋆b⋆c"),
    (r"user.id: *\**", "user.id=⋆*⋆"),
    ("user.id: *a b*", "user.id=⋆a b⋆"),
    ("user.id: a* *b", "user.id=a⋆ ⋆b"),
    ("user.id: a?", "user.id=a?"),
    # Keywords are whole words
    ("user.id: android", "user.id=android"),
    ("user.id: a.and.b", "user.id=a.and.b"),
    ("user.id: and-or", "user.id=and-or"),
    ("user.id: *and", "user.id=⋆and"),
    ("user.id: a and*", "user.id=a and⋆"),
    ("user.id:and", "user.id=and"),
    ("user.id:not a", "user.id=not a"),
    ("user.id: a AND user.name: b", "(user.id=a & user.name=b)"),
    ("user.id: a Or user.name: b", "(user.id=a | user.name=b)"),
    ("NOT user.id: a", "!user.id=a"),
    ('user.id: "a" and user.name: b', "(user.id=a & user.name=b)"),
    ("(user.id: a)and(user.name: b)", "(user.id=a & user.name=b)"),
    ("not(user.id: a)", "!user.id=a"),
    ("user.id: a and(user.name: b)", "(user.id=a & user.name=b)"),
    ("user.id:(a)or user.name: b", "(user.id=a | user.name=b)"),
    ("user.id: a\nand\nuser.name: b", "(user.id=a & user.name=b)"),
    # Precedence
    ("user.id: a or user.id: b and user.id: c", "(user.id=a | (user.id=b & user.id=c))"),
    ("user.id: a and user.id: b or user.id: c", "((user.id=a & user.id=b) | user.id=c)"),
    ("(user.id: a or user.id: b) and user.id: c", "((user.id=a | user.id=b) & user.id=c)"),
    ("not user.id: a and user.id: b", "(!user.id=a & user.id=b)"),
    ("not user.id: a or user.id: b", "(!user.id=a | user.id=b)"),
    ("not (user.id: a or user.id: b)", "!(user.id=a | user.id=b)"),
    ("user.id: a and not user.id: b", "(user.id=a & !user.id=b)"),
    # Joined operands of one kind are one step, and two negations are none
    ("user.id: a and (user.id: b and user.id: c)", "(user.id=a & user.id=b & user.id=c)"),
    ("(user.id: a or user.id: b) or user.id: c", "(user.id=a | user.id=b | user.id=c)"),
    ("not (not user.id: a)", "user.id=a"),
    ("not (not (user.id: a or user.id: b))", "(user.id=a | user.id=b)"),
    ("((user.id: a))", "user.id=a"),
    # Groups of values
    ("user.id: (a or b)", "(user.id=a | user.id=b)"),
    ('user.id: ("a" or b* or "c d")', "(user.id=a | user.id=b⋆ | user.id=c d)"),
    ("user.id: (a b)", "user.id=a b"),
    ("user.id: (a and b)", "(user.id=a & user.id=b)"),
    ("user.id: (not a)", "!user.id=a"),
    ("not user.id: (a or b)", "!(user.id=a | user.id=b)"),
    ("user.id: (a or b and not c)", "(user.id=a | (user.id=b & !user.id=c))"),
    ("user.id: (a and not (b or c*))", "(user.id=a & !(user.id=b | user.id=c⋆))"),
    ("user.id: (* and not (A* or B))", "(user.id=⋆ & !(user.id=A⋆ | user.id=B))"),
    ("user.id: ((a))", "user.id=a"),
    ("user.id: (not (not a))", "user.id=a"),
    ("user.id: (a) and user.name: (b)", "(user.id=a & user.name=b)"),
    ("user.id: (a or b) or user.name: c", "(user.id=a | user.id=b | user.name=c)"),
    # Addresses and numbers
    ("source.ip: 1.2.3.4", "source.ip=1.2.3.4"),
    ('source.ip: "::ffff:1.2.3.4"', "source.ip=1.2.3.4"),
    ('source.ip: "2001:DB8:0:0:0:0:0:1"', "source.ip=2001:db8::1"),
    (r"source.ip: 2001\:db8\:\:0001", "source.ip=2001:db8::1"),
    ("source.ip: *", "source.ip=⋆"),
    ("source.ip: (* and not 10.0.0.1)", "(source.ip=⋆ & !source.ip=10.0.0.1)"),
    ("source.address: ec2.amazonaws.com", "source.address=ec2.amazonaws.com"),
    ("source.address: 10.0.0.*", "source.address=10.0.0.⋆"),
    ("source.as.number: 16509", "source.as.number=16509"),
    ('source.as.number: "16509"', "source.as.number=16509"),
    ("source.as.number: (1 or 2)", "(source.as.number=1 | source.as.number=2)"),
    ("source.as.number: *", "source.as.number=⋆"),
]


@pytest.mark.parametrize(("text", "expected"), CLAUSES)
def test_a_query_has_one_meaning(text: str, expected: str) -> None:
    """U1: each corner of the grammar is read as written in the contract."""
    assert meaning(parse_query(text)) == expected
