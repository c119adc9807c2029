"""U1: what is not understood is refused at its place, with what is wrong and what is allowed."""

from __future__ import annotations

import pickle

import pytest

from streams.rules.query.parser import QueryError, parse_query

DEEPEST = 100

REFUSALS = [
    # What is missing is missed at the end, or where something else stands
    ("", "1:1", "the query is empty", "write a clause"),
    (" \t", "1:3", "the query is empty", "write a clause"),
    ("\n\r\n\r", "4:1", "the query is empty", "write a clause"),
    ("user.id:", "1:9", "a value of user.id is missing at the end", "in quotes"),
    ("user.id:\n  ", "2:3", "a value of user.id is missing at the end", "in quotes"),
    ("user.id: a and", "1:15", "a clause is missing at the end", "write a clause"),
    ("user.id: a or not", "1:18", "a clause is missing at the end", "write a clause"),
    ("not", "1:4", "a clause is missing at the end", "write a clause"),
    ("and user.id: a", "1:1", "a clause is missing before `and`", "write a clause"),
    ("user.id: a and or user.id: b", "1:16", "a clause is missing before `or`", "write a clause"),
    ("user.id: and user.name: b", "1:10", "a value of user.id is missing before `and`", r"\and"),
    ("user.id: and", "1:10", "a value of user.id is missing before `and`", r"\and"),
    ("user.id: OR", "1:10", "a value of user.id is missing before `or`", r"\or"),
    ("user.id: not a", "1:10", "a value of user.id is missing before `not`", r"\not"),
    ("user.id: ()", "1:11", "a value of user.id is missing before `)`", "in quotes"),
    ("user.id: (a or )", "1:16", "a value of user.id is missing before `)`", "in quotes"),
    ("user.id: (a or", "1:15", "a value of user.id is missing at the end", "in quotes"),
    ("()", "1:2", "a clause is missing before `)`", "write a clause"),
    (": a", "1:1", "a field's name is missing", "write a clause"),
    ("(user.id: a", "1:12", "`)` is missing", "close the `(` of 1:1"),
    ("user.name: b and\n(user.id: a ", "2:13", "`)` is missing", "close the `(` of 2:1"),
    ("user.id: (a", "1:12", "`)` is missing", "close the `(` of 1:10"),
    ('user.id: "a', "1:10", "the quote is not closed", r"\""),
    ('user.id: "a\\', "1:10", "the quote is not closed", r"\""),
    ('user.id: "a\\"', "1:10", "the quote is not closed", r"\""),
    ('user.name: b\r\nand user.id: ("a" or "', "2:22", "the quote is not closed", r"\""),
    # Fields
    ("user.idd: a", "1:1", "no field is named `user.idd`", "did you mean user.id"),
    ("eventname: a", "1:1", "no field is named `eventname`", "did you mean eventName"),
    ("event.action: a and\n  not xyzzyx: b", "2:7", "no field is named `xyzzyx`", "event.action"),
    ("requestParameters: a", "1:1", "requestParameters names an object", "name a leaf"),
    ("userIdentity: a", "1:1", "userIdentity names an object", "userIdentity."),
    ('"user.id": a', "1:1", "`user.id` is a field's name in quotes", "without quotes"),
    ("user.*: a", "1:1", "`user.*` is a field's name with a star", "in full"),
    ("*: a", "1:1", "`*` is a field's name with a star", "in full"),
    ("user/id: a", "1:1", "`user/id` is no field's name", "letters, digits"),
    (r"user\.id: a", "1:1", r"`user\.id` is no field's name", "letters, digits"),
    ("üser: a", "1:1", "`üser` is no field's name", "letters, digits"),
    # Texts without a field
    ("root", "1:1", "`root` is a text without a field", "write a clause"),
    ('"root login"', "1:1", "`root login` is a text without a field", "write a clause"),
    ("*", "1:1", "`*` is a text without a field", "write a clause"),
    ("user.id: a and b", "1:16", "`b` is a text without a field", "write a clause"),
    ("user.id", "1:1", "`:` is missing after user.id", "write a clause"),
    ('user.id "a"', "1:1", "`:` is missing after user.id", "write a clause"),
    ("(user.id: a) or (b)", "1:18", "`b` is a text without a field", "write a clause"),
    # Values
    ('user.id: ""', "1:10", '`""` is no value of user.id', "`not field: *`"),
    ('user.id: (a or "")', "1:16", '`""` is no value of user.id', "`not field: *`"),
    ("user.id: :a", "1:10", "cannot begin with `:`", "IPv6"),
    ("source.ip: 10.0.0.0/8", "1:12", "`10.0.0.0/8` is no value of source.ip", "network"),
    ('source.ip: "10.0.0.0/8"', "1:12", '`"10.0.0.0/8"` is no value of source.ip', "network"),
    ("source.ip: 10.*", "1:12", "`10.*` is no value of source.ip", "IPv4"),
    ('source.ip: "*"', "1:12", '`"*"` is no value of source.ip', "`*` for any"),
    ("source.ip: ec2.amazonaws.com", "1:12", "is no value of source.ip", "IPv4"),
    ("source.ip: 2001:db8::1", "1:12", "`2001` is no value of source.ip", "IPv6 address in quotes"),
    ("source.ip: 010.0.0.1", "1:12", "`010.0.0.1` is no value of source.ip", "IPv4"),
    ("source.as.number: 1*", "1:19", "`1*` is no value of source.as.number", "digits"),
    ("source.as.number: AS16509", "1:19", "`AS16509` is no value of source.as.number", "digits"),
    ("source.as.number: ٣", "1:19", "is no value of source.as.number", "digits"),
    ("source.as.number: -1", "1:19", "`-1` is no value of source.as.number", "digits"),
    # What the subset does not have
    ("user.id > 5", "1:9", "`>` is not part of the language", "field: value"),
    ("user.id <= 5", "1:9", "`<` is not part of the language", "field: value"),
    ("user.id: >5", "1:10", "`>` is not part of the language", "field: value"),
    ("user.id: a<b", "1:11", "`<` is not part of the language", r"\<"),
    ("user.id: { name: a }", "1:10", "`{` is not part of the language", r"\{"),
    ("user.id: a }", "1:12", "`}` is not part of the language", r"\}"),
    ("{ user.id: a }", "1:1", "`{` is not part of the language", "field: value"),
    # Escapes
    (r"user.id: a\q", "1:11", r"unknown escape `\q`", r"\uXXXX"),
    (r"user.id: C\\\Users", "1:13", r"unknown escape `\U`", r"\uXXXX"),
    (r"user.id: \u12g4", "1:10", r"unknown escape `\u`", r"\uXXXX"),
    ("user.id: a\\", "1:11", "unknown escape", "a plain backslash"),
    (r"user.id: \android", "1:10", r"unknown escape `\a`", "as whole words"),
    (r"user.id: a\and", "1:11", r"unknown escape `\a`", "as whole words"),
    (r'user.id: "a\*"', "1:12", r"unknown escape `\*`", "in quotes write"),
    (r'user.id: "\and"', "1:11", r"unknown escape `\a`", "in quotes write"),
    ('user.id: "\\\n"', "1:11", r"unknown escape `\\n`", "in quotes write"),
    # Nothing joins them
    ('user.id: "a" "b"', "1:14", "a quoted text without `and` or `or`", "put `and` or `or`"),
    ('user.id: "a" b', "1:14", "`b` without `and` or `or`", "put `and` or `or`"),
    ('user.id: a "b"', "1:12", "a quoted text without `and` or `or`", "put `and` or `or`"),
    ("user.id: a (b)", "1:12", "`(` without `and` or `or`", "put `and` or `or`"),
    ("user.id: (a) (b)", "1:14", "`(` without `and` or `or`", "put `and` or `or`"),
    ("user.id: (a) user.name: b", "1:14", "`user.name` without `and` or `or`", "put `and` or `or`"),
    ("user.id: a user.name: b", "1:21", "a second `:` in one clause", "put `and` or `or`"),
    ("user.id: a\nuser.name: b", "2:10", "a second `:` in one clause", "put `and` or `or`"),
    ("user.id: arn:aws", "1:13", "a second `:` in one clause", "in quotes"),
    ("user.id: (user.name: b)", "1:20", "`:` in a group of values", "close the group"),
    ("user.id: a not user.name: b", "1:12", "`not` without `and` or `or`", r"\not"),
    ('user.id: "a"and user.name: b', "1:13", "`and` touches what is beside it", "a blank before it"),
    ('user.id: "a" and"b"', "1:14", "`and` touches what is beside it", "a blank before it"),
    ("not not user.id: a", "1:5", "two `not` in a row", "write one"),
    ("user.id: (not not a)", "1:15", "two `not` in a row", "write one"),
    ("user.id: a)", "1:11", "`)` without a `(`", "remove it"),
    (")", "1:1", "a clause is missing before `)`", "write a clause"),
    # Depth and columns
    ("(" * (DEEPEST + 1) + "user.id: a" + ")" * (DEEPEST + 1), "1:101", "more than 100 levels", "at most 100"),
    ("user.id: " + "(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "1:110", "more than 100 levels", "at most 100"),
    ("user.id: 😀😀 :", "1:13", "a second `:`", "put `and` or `or`"),
]


@pytest.mark.parametrize(("text", "place", "what", "allowed"), REFUSALS)
def test_a_fault_is_named_at_its_place(text: str, place: str, what: str, allowed: str) -> None:
    """U1: the place is the first character that is not understood, or the end for what is missing."""
    with pytest.raises(QueryError) as refusal:
        parse_query(text)
    error = refusal.value
    assert f"{error.line}:{error.column}" == place
    assert what in error.what
    assert allowed in error.allowed
    assert str(error) == f"{place}: {error.what}: {error.allowed}"
    assert "\n" not in str(error)


def test_an_error_goes_over_a_pickle() -> None:
    """A process that loads rules for another hands the error over whole."""
    error = QueryError(2, 7, "what", "allowed")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert (str(again), again.line, again.column) == (str(error), 2, 7)


def test_a_hundred_levels_are_read() -> None:
    """U1: a hundred levels are allowed, also half of them in a group of values."""
    half = DEEPEST // 2
    for text in (
        "(" * DEEPEST + "user.id: a" + ")" * DEEPEST,
        "(" * half + "user.id: " + "(" * half + "a" + ")" * DEEPEST,
    ):
        assert parse_query(text) == parse_query("user.id: a")


def test_a_message_shows_long_and_unseen_text_short() -> None:
    """An error is one line of a reasonable length, whatever the query holds."""
    with pytest.raises(QueryError) as refusal:
        parse_query("\x1b[31m" + "a" * 10_000)
    assert len(str(refusal.value)) < 250
    assert "\\x1b[31ma" in str(refusal.value)
