"""Documents behind each other (R7): which are found, what a damaged one costs, and what is never found."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import OTHER, PRINCIPAL, RECORD, changed, eventbridge
from compressed import COMPRESSIONS
from hypothesis import given
from hypothesis import strategies as st
from sightings import RULES

from streams.inputs.documents import pieces
from streams.pipeline import ExtractSettings, may_match, sight

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1_000_000
TEXT = json.dumps(RECORD)
FILE = json.dumps({"Records": [OTHER, RECORD]})

LAYOUTS: dict[str, Callable[[Any], str]] = {
    "compact": lambda value: json.dumps(value, separators=(",", ":")),
    "spaced": json.dumps,
    "not ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "indented": lambda value: json.dumps(value, indent=2),
    "by tabs": lambda value: json.dumps(value, indent="\t"),
    "indented by nothing": lambda value: json.dumps(value, indent=0),
}
SEPARATORS = ["", " ", "\n", "\r\n", "\n\n \t", "\x1e", "\n\x1e", "\ufeff", "\n\ufeff"]

AWKWARD = st.text(st.sampled_from('{}[]":,\\\n x\x1e\u00e9\ufeff'), max_size=12)
VALUES = st.recursive(
    AWKWARD | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AWKWARD, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(AWKWARD, VALUES, max_size=3) | st.lists(VALUES, max_size=3) | AWKWARD
# A record is one of these: objects that begin with a plain key.
OBJECTS = st.builds(lambda rest, number: {"id": number, **rest}, st.dictionaries(AWKWARD, VALUES), st.integers(0, 99))


def found(text: str | bytes) -> list[Any]:
    """Return the documents of a text."""
    encoded = text if isinstance(text, bytes) else text.encode()
    return [piece.value for piece in pieces(encoded) if piece.damaged is None]


@given(st.lists(st.tuples(DOCUMENTS, st.sampled_from(sorted(LAYOUTS)), st.sampled_from(SEPARATORS)), max_size=6))
def test_documents_behind_each_other_are_all_read(parts: list[tuple[Any, str, str]]) -> None:
    """R7: each document is found, and nothing else, for any documents, layouts and separators."""
    text = "".join(LAYOUTS[layout](document) + separator for document, layout, separator in parts)
    assert [(piece.value, piece.damaged) for piece in pieces(text.encode())] == [(part[0], None) for part in parts]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packing", ["plain", "UTF-16", *COMPRESSIONS])
def test_every_document_of_a_message_counts(packing: str, layout: str, separator: str) -> None:
    """R7: a message of three documents, compressed or not, holds the sightings of all three."""
    write = LAYOUTS[layout]
    text = separator.join(map(write, ({"Records": [RECORD]}, [OTHER, RECORD], RECORD))) + separator
    value = {"plain": str.encode, "UTF-16": lambda text: text.encode("utf-16")}.get(
        packing, lambda text: COMPRESSIONS[packing](text.encode())
    )(text)
    result = sight(value, RULES, ExtractSettings())
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL] * 3
    assert result.rejected == ()
    assert sum(result.records.values()) == 4


def test_every_member_of_gzip_may_hold_several_documents() -> None:
    """R7: files that were compressed one by one and concatenated are read."""
    members = (FILE, f"{TEXT}{TEXT}", f"{TEXT}\n\n", json.dumps(eventbridge(RECORD), indent=1))
    result = sight(b"".join(gzip.compress(member.encode(), mtime=0) for member in members), RULES, ExtractSettings())
    assert (len(result.sightings), result.rejected) == (5, ())


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.integers(0, 3), st.data())
def test_a_cut_line_costs_only_itself(documents: list[Any], place: int, data: st.DataObject) -> None:
    """R4: all other JSON lines are read, except perhaps the line behind a first line that is cut."""
    lines = [json.dumps(document) for document in documents]
    cut = json.dumps(data.draw(OBJECTS))
    lines.insert(place := min(place, len(lines)), cut[: data.draw(st.integers(1, len(cut) - 1))])
    read = found("\n".join(lines))
    assert read == documents or (place == 0 and len(documents) == 1 and read == [])


@given(
    st.lists(OBJECTS, min_size=1, max_size=5),
    OBJECTS,
    st.integers(0, 5),
    st.sampled_from(["compact", "spaced", "indented", "by tabs"]),
    st.sampled_from(["", " ", "\n", "\x1e"]),
    st.data(),
)
def test_a_cut_document_costs_itself_and_what_cannot_be_told_from_it(  # noqa: PLR0913, PLR0917  one for each choice
    documents: list[Any], cut: Any, place: int, layout: str, separator: str, data: st.DataObject
) -> None:
    """R7: documents before a damaged one are read, and those behind it except the next, or the next two on its line."""
    place = min(place, len(documents))
    text = LAYOUTS[layout](cut)
    texts = [LAYOUTS[layout](document) for document in documents]
    texts.insert(place, text[: data.draw(st.integers(1, len(text) - 1))])
    read = found(separator.join(texts))
    lost = {"\x1e": 0, "\n": 1}.get(separator, 2)
    assert read[:place] == documents[:place]
    behind = documents[place:]
    assert any(read[place:] == behind[skipped:] for skipped in range(min(lost, len(behind)) + 1))


BAIT = {"eventName": "bait", "eventVersion": "1"}
BAITS = [json.dumps(BAIT), "}" + json.dumps(BAIT), f"}}\n{json.dumps(BAIT)}\n", "}{", '"', "\\"]
HOLDERS = st.recursive(
    st.sampled_from([BAIT, [BAIT, BAIT], {"a": BAIT, "b": BAIT}, *BAITS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", *BAITS]), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.tuples(HOLDERS, st.sampled_from([*SEPARATORS])), min_size=1, max_size=3),
    st.sampled_from(["compact", "spaced", "indented", "by tabs"]),
    st.data(),
)
def test_nothing_is_ever_found_inside_a_document(
    parts: list[tuple[Any, str]], layout: str, data: st.DataObject
) -> None:
    """R2: a caller's text or object is never a document, wherever the text around it is cut or damaged."""
    write = LAYOUTS[layout]
    text = "".join(write({"id": 1, "requestParameters": {"held": held}}) + end for held, end in parts).encode()
    start = data.draw(st.integers(0, len(text) - 1))
    match data.draw(st.sampled_from(["cut", "delete", "replace", "insert", "behind"])):
        case "cut":
            damaged = text[:start] + data.draw(st.sampled_from([b"", b"\n"])) + text
        case "delete":
            damaged = text[:start] + text[start + 1 :]
        case "replace":
            damaged = (
                text[:start] + data.draw(st.sampled_from([b"x", b"{", b"}", b'"', b",", b"\\"])) + text[start + 1 :]
            )
        case "insert":
            damaged = text[:start] + data.draw(st.sampled_from([b"x", b"{", b"}", b'"', b",", b"\\"])) + text[start:]
        case _:
            damaged = text + text[:start]
    assert BAIT not in found(damaged)
    assert all(value.get("id") == 1 for value in found(damaged) if isinstance(value, dict) and "eventName" in value)


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b"{", b"}", b'"a":', b"[", b"]", b"\n", b",", b'"', b"1"])))
def test_every_byte_is_in_a_document_or_damaged(parts: bytes | list[bytes]) -> None:
    """R3: for any bytes, nothing is lost silently and nothing is given twice."""
    text = parts if isinstance(parts, bytes) else b"".join(parts)
    damaged = b"".join(piece.damaged for piece in pieces(text) if piece.damaged is not None)
    if not found(text):
        assert strip(damaged) == strip(text)
    assert len(strip(damaged)) <= len(strip(text))


def strip(text: bytes) -> bytes:
    return text.replace(b"\xef\xbb\xbf", b"").translate(None, b" \t\r\n\x1e")


TOLD: dict[str, tuple[str, int]] = {
    "a line of a long number behind an open list": (f'{TEXT}\n{{"a": [\n{TEXT[:-1]}, "id": 18446744073709551616}}', 2),
    "indented, cut in a text, without a line's end": (json.dumps(RECORD, indent=1)[:99] + f"{FILE}{FILE}", 1),
    "indented, cut between two fields": (json.dumps(RECORD, indent=1)[:40] + f"\n{json.dumps(RECORD, indent=1)}", 1),
    "a cut text that ends with a comma": (f'{{"userAgent": "a,\n{TEXT}', 1),
    "a record separator behind an open list": (f'{{"a": [\x1e{TEXT}', 1),
    "nothing behind an open list": (f'{{"a": [{TEXT}', 0),
    "a comma behind each": (f"{TEXT},\n{TEXT},\n", 0),
    "something behind one on its line": (f"{TEXT}\n{TEXT} and more\n{TEXT}", 2),
    "the end of one first": (f"{TEXT[400:]}{TEXT}", 1),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_can_be_told_from_damage(name: str) -> None:
    """R7, decision 20: where reading continues behind a damaged document, and where it does not."""
    text, sightings = TOLD[name]
    result = sight(text.encode(), RULES, ExtractSettings())
    assert len(result.sightings) == sightings
    assert {rejected.reason for rejected in result.rejected} == {"malformed"}


def test_too_many_lines_of_damage_are_given_up() -> None:
    """R3: a text of millions of brackets is examined once, and everything behind it counts as damaged."""
    text = b"[\n" * 250_000 + TEXT.encode()
    assert [(len(piece.damaged or b"") > 500_000) for piece in pieces(text)] == [True]


ENCODED = {
    "the whole message": json.dumps(TEXT),
    "a file": json.dumps(FILE),
    "several documents": json.dumps(f"{TEXT}\n"),
    "twice": json.dumps(json.dumps(TEXT)),
    "an element of an array": json.dumps([OTHER, TEXT]),
    "a line": f"{json.dumps(OTHER)}\n{json.dumps(TEXT)}\n",
    "behind each other": json.dumps(TEXT) + json.dumps(json.dumps(OTHER)),
}


@pytest.mark.parametrize("name", ENCODED)
def test_json_in_a_json_string_is_read(name: str) -> None:
    """R8: JSON that a producer encoded twice is read."""
    result = sight(ENCODED[name].encode(), RULES, ExtractSettings())
    assert (len(result.sightings), result.rejected) == (1, ())
    assert may_match(ENCODED[name].replace("AssumeRoot", r"\u0041ssumeRoot").encode(), RULES, ExtractSettings())


@pytest.mark.parametrize("value", ["AssumeRoot", "", ["AssumeRoot"], base64.b64encode(TEXT.encode()).decode()])
def test_a_string_of_anything_else_is_no_message(value: Any) -> None:
    """R6: a JSON string whose text is not JSON has no known shape."""
    assert {rejected.reason for rejected in sight(json.dumps(value).encode(), RULES, ExtractSettings()).rejected} == {
        "unknown-shape"
    }


def test_a_record_as_text_in_a_record_is_not_found() -> None:
    """R2: a caller's text is never read, also if it is JSON encoded twice."""
    held = changed({"eventName": "PutObject", "requestParameters": {"a": json.dumps(TEXT), "b": [TEXT]}})
    assert sight(json.dumps(held).encode() * 2, RULES, ExtractSettings()).sightings == ()


@given(st.integers(0, 2), st.data())
def test_a_cut_member_of_gzip_costs_only_itself(place: int, data: st.DataObject) -> None:
    """R7: the whole members before and behind a cut member are read."""
    member = gzip.compress(TEXT.encode(), mtime=0)
    cut = member[: data.draw(st.integers(3, len(member) - 1))]
    result = sight(member * place + cut + member * (3 - place), RULES, ExtractSettings())
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL] * 3
    [rejected] = result.rejected
    assert (rejected.reason, rejected.element) == ("malformed", place)
    assert b"notarealtoken" not in rejected.content


def test_a_member_with_a_wrong_checksum_is_not_trusted() -> None:
    """R7: a member with a wrong checksum is not read, even if it can be decompressed."""
    member = gzip.compress(TEXT.encode(), mtime=0)
    result = sight(member + member[:-8] + bytes(8) + member, RULES, ExtractSettings())
    assert len(result.sightings) == 2
    assert [rejected.reason for rejected in result.rejected] == ["malformed"]


def test_members_of_no_text_are_malformed() -> None:
    """R3: half a character of UTF-16 in a whole member beside a cut one is not a crash."""
    odd = gzip.compress(TEXT.encode("utf-16") + b"\0")
    for value, rejections in ((odd, 1), (odd * 2, 1), (odd + odd[:-9], 2)):
        result = sight(value, RULES, ExtractSettings())
        assert result.sightings == ()
        assert [rejected.reason for rejected in result.rejected] == ["malformed"] * rejections
