"""The text of a file → the rules of Elastic in it, in one form (U12).

Two forms are read. Elastic's repository has one rule per TOML file, in the table ``rule``. Kibana exports one rule per
line of JSON; between them stand lists of exceptions and connectors, and a summary at the end.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.content.json_text import MalformedJsonError
from streams.content.json_text import parse as parse_json
from streams.rules.importing.outcome import Conversion, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST_TOML = 1_000_000
"""In characters. A rule has some thousands; a reader of TOML takes seconds per megabyte."""
LONGEST_LINE = 1_000_000
"""In characters: the longest line of an export."""

_EXPORTS = (".ndjson", ".jsonl", ".json")
_JSON = re.compile(r"\s*(?:\{|\[\s*\{)")  # TOML has names in its brackets
_SUMMARIES = frozenset({"exported_count", "exported_rules_count"})
_MARKS_OF_A_RULE = frozenset({"rule_id", "new_terms_fields", "risk_score", "query"})
_MARKS_OF_OUR_OWN = frozenset({"id", "window", "severity"})
_NEW_TERMS = "new_terms"
_HISTORY = "history_window_start"


@dataclass(frozen=True, slots=True)
class ElasticRule:
    """A rule of Elastic with the keys that Kibana's exports have.

    Attributes:
        source: the file, and the line of an export.
        table: its keys and values.
        places: how its file writes a key, where that is another way.
        empty_lists: ids of the lists of exceptions that its file holds without any exception.
    """

    source: str
    table: Mapping[str, object]
    places: Mapping[str, str]
    empty_lists: frozenset[str] = frozenset()

    def place(self, key: str) -> str:
        """Return a key as the rule's file writes it."""
        return self.places.get(key, key)


Found = ElasticRule | Conversion
"""A rule, or the outcome of something that is none."""


def read(text: str, name: str) -> list[Found]:
    """Return the rules in a file's text, in order, and outcomes for what cannot be read; at least one of either."""
    found = list(_read_export(text, name) if _is_export(text, name) else _read_toml(text, name))
    return found or [refusal(name, "", "holds no rule")]


def _is_export(text: str, name: str) -> bool:
    """Return whether a file is an export, by its name; if that says nothing, by the first characters."""
    if name.lower().endswith(_EXPORTS):
        return True
    return not name.lower().endswith(".toml") and _JSON.match(text) is not None


def _read_toml(text: str, name: str) -> Iterator[Found]:
    if not text.strip():
        return
    if len(text) > LARGEST_TOML:
        yield refusal(name, "", f"is too large for a rule: {len(text):,} characters; at most {LARGEST_TOML:,} are read")
        return
    try:
        whole = tomllib.loads(text)
    except ValueError as error:
        yield refusal(name, "", f"is neither TOML nor an export of Kibana: {error}")
        return
    except RecursionError:
        yield refusal(name, "", "is not TOML: nested too deeply")
        return
    table = whole.get("rule")
    if isinstance(table, dict):
        yield _of_toml(name, table)
    elif whole.keys() >= _MARKS_OF_OUR_OWN:
        yield refusal(name, "", "is a rule file of rootwatch already; name it in the setting rules")
    else:
        yield refusal(name, "rule", "is missing: Elastic's rules have a table [rule]")


def _of_toml(name: str, table: Mapping[str, object]) -> ElasticRule:
    """Return a rule with its table ``new_terms`` in the form of an export."""
    flat = {key: value for key, value in table.items() if key != _NEW_TERMS}
    places = {key: f"rule.{key}" for key in flat}
    places |= {"new_terms_fields": "rule.new_terms.value", _HISTORY: f"rule.new_terms.{_HISTORY}"}
    terms = table.get(_NEW_TERMS)
    if isinstance(terms, dict):
        flat["new_terms_fields"] = terms.get("value")
        starts = terms.get(_HISTORY)
        flat[_HISTORY] = starts
        if isinstance(starts, list) and len(starts) == 1 and isinstance(starts[0], dict):
            places[_HISTORY] += "[0].value"
            flat[_HISTORY] = starts[0].get("value")
    return ElasticRule(name, flat, places)


def _read_export(text: str, name: str) -> Iterator[Found]:
    documents = list(_documents(text, name))
    lists = [entry for _, entry in documents if isinstance(entry, dict) and "list_id" in entry]
    used = {str(entry["list_id"]) for entry in lists if "item_id" in entry}
    empty = frozenset(str(entry["list_id"]) for entry in lists if "item_id" not in entry) - used
    for source, document in documents:
        if isinstance(document, Conversion):
            yield document
        elif not isinstance(document, dict):
            yield refusal(source, "", "is no rule: an export has one JSON object per line")
        elif document.keys() & _SUMMARIES or "list_id" in document or "attributes" in document:
            continue  # the summary, exceptions, or a connector
        elif document.keys() & _MARKS_OF_A_RULE:
            yield ElasticRule(source, document, {}, empty)
        else:
            yield refusal(source, "", "is no rule of Kibana: it has no rule_id")


def _documents(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Give what each line says, with its place; a text that is one document over several lines is read as a whole."""
    lines = text.split("\n")
    if not _is_json(lines[0]) and len(text) <= LONGEST_LINE and _is_json(text):
        whole = parse_json(text)
        for number, document in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield f"{name}[{number}]" if isinstance(whole, list) else name, document
        return
    for number, line in enumerate(lines, 1):
        source = f"{name}:{number}"
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            much = f"{len(line):,} characters; at most {LONGEST_LINE:,} are read"
            yield source, refusal(source, "", f"is too long for a rule: {much}")
            continue
        try:
            yield source, parse_json(line)
        except MalformedJsonError as error:
            yield source, refusal(source, "", f"cannot be read: {error}")


def _is_json(text: str) -> bool:
    if len(text) > LONGEST_LINE:
        return False
    try:
        parse_json(text)
    except MalformedJsonError:
        return False
    return True
