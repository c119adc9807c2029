r"""U1, U6: the canonical text of a query. Fingerprints are made of it, so a row of this table never changes."""

from __future__ import annotations

import pytest

from streams.rules.query.parser import parse_query
from streams.rules.query.printer import print_query

PRINTED = [
    ("user.id:a", 'user.id: "a"'),
    ("eventName : a", 'event.action: "a"'),
    ("user.id: **", "user.id: *"),
    ('user.id: "*"', 'user.id: "*"'),
    ("user.id: a\tb\\\\", r'user.id: "a\tb\\"'),
    (r'user.id: "\u0041\u0007\u200b\u00e9"', 'user.id: "A\\u0007\\u200bé"'),
    (r"user.id: \ud800", r'user.id: "\ud800"'),
    (r"user.id: \u0020 x* y\u0020", r"user.id: \u0020\u0020x* y\u0020"),
    (r"user.id: \and b*", r"user.id: \and b*"),
    (r"user.id: *x \OR", r"user.id: *x \OR"),
    (r"user.id: * \not *", r"user.id: * \not *"),
    (r"user.id: a\:\(\)\<\>\{\}\"\*\\*", r"user.id: a\:\(\)\<\>\{\}\"\*\\*"),
    ("source.ip: 2001\\:DB8\\:\\:1", 'source.ip: "2001:db8::1"'),
    ("source.as.number: 16509", 'source.as.number: "16509"'),
    ("NOT user.id: a AND user.id: b", 'not user.id: "a" and user.id: "b"'),
    ("not (user.id: a and user.name: b)", 'not (user.id: "a" and user.name: "b")'),
    ("(not user.id: a)", 'not user.id: "a"'),
    ("not (not user.id: a)", 'user.id: "a"'),
    ("user.id: a or user.id: b*", 'user.id: ("a" or b*)'),
    ("not (user.id: a or user.id: b)", 'not user.id: ("a" or "b")'),
    ("user.id: (a or b) or user.name: c", 'user.id: ("a" or "b") or user.name: "c"'),
    ("user.id: a or user.name: c or user.id: b", 'user.id: "a" or user.name: "c" or user.id: "b"'),
    ("user.id: (a and not b)", 'user.id: "a" and not user.id: "b"'),
    ("user.id: (a and not (b or c))", 'user.id: "a" and not user.id: ("b" or "c")'),
    ("user.id: a and (user.name: b or user.name: c)", 'user.id: "a" and user.name: ("b" or "c")'),
    ("user.id: a and (user.name: b or eventID: c)", 'user.id: "a" and (user.name: "b" or event.id: "c")'),
    ("(user.id: a and user.name: b) or eventID: c", 'user.id: "a" and user.name: "b" or event.id: "c"'),
    (
        'event.provider: "sts.amazonaws.com" and event.action: "AssumeRoot" and event.outcome: success',
        'event.provider: "sts.amazonaws.com" and event.action: "AssumeRoot" and event.outcome: "success"',
    ),
]


@pytest.mark.parametrize(("text", "printed"), PRINTED)
def test_the_canonical_text_is_for_years(text: str, printed: str) -> None:
    """U6: a query's canonical text never changes, and prints as itself."""
    assert print_query(parse_query(text)) == printed
    assert print_query(parse_query(printed)) == printed


@pytest.mark.parametrize(
    "text",
    [
        "user.id: (a or b c) and not event.action: x*",
        '  user.id:("a" OR "b c")AND(NOT eventName:x*)\n',
        r"user.id: (\u0061 or b\u0020c) and not event.action: x**",
        "(user.id: a or user.id: b c) and (not event.action: (x*))",
    ],
)
def test_blanks_escapes_quotes_and_names_are_no_change(text: str) -> None:
    """U6: the same meaning in other words has the same canonical text."""
    assert print_query(parse_query(text)) == 'user.id: ("a" or "b c") and not event.action: x*'
