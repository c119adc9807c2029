"""U1, U3, U10: what a query takes, and what a taken record must hold, as laws over random queries."""

from __future__ import annotations

import json
import pickle
import string

from hypothesis import given
from hypothesis import strategies as st
from queries import MEANINGS, NAMES, RECORDS, Clause, FixedView, Joined, Values, takes, written

from streams.fields.catalogue import field_named
from streams.rules.query.compiler import compile_query
from streams.rules.query.literals import requirements
from streams.rules.query.parser import QueryError, parse_query
from streams.rules.query.partial import rest_of
from streams.rules.query.printer import print_query

WRITTEN = MEANINGS.flatmap(lambda meaning: st.tuples(st.just(meaning), written(meaning)))


@given(WRITTEN, st.lists(RECORDS, min_size=1, max_size=5))
def test_a_query_takes_what_the_contract_says(query: tuple[Clause | Joined, str], records: list[Values]) -> None:
    """U1: in any way of writing it, a query takes the records that a word-by-word evaluation takes."""
    meaning, text = query
    compiled = compile_query(parse_query(text))
    for record in records:
        assert compiled(FixedView(record)) == takes(meaning, record), (text, record)


@given(WRITTEN, RECORDS, st.sets(st.sampled_from(sorted(set(NAMES.values())))))
def test_what_is_left_of_a_query_says_the_same(
    query: tuple[Clause | Joined, str], record: Values, names: set[str]
) -> None:
    """U3: a query without its clauses of known fields takes the same records, and asks for none of these fields."""
    parsed = parse_query(query[1])
    rest = rest_of(parsed, {field_named(name): record.get(name, ()) for name in names})
    expected = compile_query(parsed)(FixedView(record))
    if isinstance(rest, bool):
        assert rest == expected
    else:
        assert compile_query(rest)(FixedView(record)) == expected
        assert not names & {field.name for field in rest.fields()}


@given(MEANINGS.flatmap(lambda meaning: st.tuples(written(meaning), written(meaning))))
def test_a_printed_query_reads_back_as_itself(texts: tuple[str, str]) -> None:
    """U1: print, parse, same query; also over a pickle. Other blanks, case, quotes and escapes print the same."""
    first, second = map(parse_query, texts)
    printed = print_query(first)
    assert parse_query(printed) == first
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301  our own bytes
    assert hash(parse_query(printed)) == hash(first)
    assert print_query(second) == printed
    assert printed.isprintable()


def in_bytes(record: Values) -> bytes:
    """Write a record as JSON, without what is worked out, and with a number in another form than its text."""
    shown = {name: [1 if value == "1e-07" else value for value in values] for name, values in record.items()}
    shown.pop("event.outcome", None)
    return json.dumps(shown).encode()


@given(WRITTEN, st.lists(RECORDS, min_size=1, max_size=5))
def test_a_taken_record_holds_what_is_required(query: tuple[Clause | Joined, str], records: list[Values]) -> None:
    """U10: no record that the query takes misses a requirement, so a filter on them is exact."""
    parsed = parse_query(query[1])
    compiled = compile_query(parsed)
    required = requirements(parsed)
    for record in records:
        if compiled(FixedView(record)):
            assert required.providers is None or required.providers & set(record["event.provider"])
            assert required.actions is None or required.actions & set(record["event.action"])
            assert required.literals is None or any(one.encode() in in_bytes(record) for one in required.literals)


@given(WRITTEN)
def test_literals_are_never_escaped_by_chance(query: tuple[Clause | Joined, str]) -> None:
    """U10: a literal has a letter, and nothing but letters, digits, ``.``, ``_`` and ``-``."""
    for literal in requirements(parse_query(query[1])).literals or ():
        assert set(literal) <= set(string.ascii_letters + string.digits + "._-")
        assert set(literal) & set(string.ascii_letters)


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(["user.id", ":", " ", "(", ")", "and", "or", "not", '"', "\\", "*", "a", "\\u", "<", "\n"]),
            max_size=40,
        ).map("".join),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """U1: a text is a query or a ``QueryError`` with a place inside it, and never another error."""
    try:
        query = parse_query(text)
    except QueryError as error:
        refused = error
    else:
        assert parse_query(print_query(query)) == query
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert 1 <= refused.line <= len(lines)
    assert 1 <= refused.column <= len(lines[refused.line - 1]) + 1


def test_the_deepest_query_needs_no_deep_stack() -> None:
    """U1: a hundred levels, each with ``or``, ``and`` and ``not``, are printed, pickled, compiled and evaluated."""
    text = "user.id: a"
    for _ in range(100):
        text = f"event.id: x or event.action: y and not ({text})"
    query = parse_query(text)
    assert parse_query(print_query(query)) == query == pickle.loads(pickle.dumps(query))  # noqa: S301  our own bytes
    view = FixedView({"event.action": ("y",), "user.id": ("a",)})
    assert compile_query(query)(view)
    assert requirements(query).literals == {"x", "y"}


def test_a_long_list_and_a_hostile_value_are_no_burden() -> None:
    """U1: thousands of values are one look-up, and no value makes a wildcard try its pieces at many places."""
    many = " or ".join(f'"id-{number}"' for number in range(20_000))
    assert compile_query(parse_query(f"user.id: ({many})"))(FixedView({"user.id": ("id-19999",)}))
    stars = compile_query(parse_query("user.id: " + "a*" * 200 + "b"))
    assert not stars(FixedView({"user.id": ("a" * 1_000_000,)}))
    assert stars(FixedView({"user.id": ("a" * 1_000_000 + "b",)}))


def test_a_query_names_its_fields() -> None:
    """A rule can say which fields its query reads: each once, in the query's order."""
    query = parse_query("eventName: a and not (user.id: b or event.action: c)")
    assert query.fields() == (field_named("event.action"), field_named("user.id"))
