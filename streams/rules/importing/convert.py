"""A rule of Elastic → the fields of a rule file, or why it is refused (U12).

What would change what fires is refused, at its place. What only changes how an alert looks is left out and said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from streams.fields.catalogue import Field, UnknownFieldError, field_named
from streams.rules.importing.differences import differences
from streams.rules.importing.elastic.history import window
from streams.rules.importing.elastic.keys import left_out, unknown_keys
from streams.rules.importing.event_names import (
    asks_for_what_is_never_taken,
    data_events,
    everyday_events,
    takes_any_event,
)
from streams.rules.importing.outcome import Change, Conversion, Difference, Reason
from streams.rules.importing.scope import scope
from streams.rules.importing.texts import carried_texts
from streams.rules.query.error import QueryError
from streams.rules.query.literals import requirements
from streams.rules.query.parser import parse_query
from streams.rules.rule import MOST_ALERTS, MOST_TERMS, Severity
from streams.rules.rule_errors import on_one_line, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.rules.importing.elastic.elastic_rule import ElasticRule
    from streams.rules.importing.outcome import Verdict
    from streams.rules.query.tree import Query

_SEVERITIES: tuple[str, ...] = get_args(Severity)
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NO_ID = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_ID = 128
_HIGHEST_SCORE = 100
_LARGEST_VERSION = 2**31 - 1
_USUAL_SIGNALS = 100
_MOST_SHOWN = 3
_NETWORKS = "source.as."


def convert(rule: ElasticRule) -> Conversion:
    """Convert one rule."""
    return _Conversion(rule).result()


class _Conversion:
    """Converts one rule. Each step adds to the values, or to what is said."""

    def __init__(self, rule: ElasticRule) -> None:
        self._rule = rule
        self._table = rule.table
        self._values: dict[str, object] = {}
        self._reasons: list[Reason] = []
        self._changes: list[Change] = []
        self._differences: list[Difference] = []

    def result(self) -> Conversion:
        name = self._table.get("name")
        self._take_id()
        if self._table.get("type") != "new_terms":
            self._refuse("type", f"{shown(self._table.get('type'))}: rules of the type new_terms can be imported only")
        else:
            self._take_facts()
            query, terms = self._query(), self._terms()
            self._take_window()
            for said in scope(self._rule):
                self._say(said)
            self._take_max_signals()
            texts, changes = carried_texts(self._rule)
            self._values |= texts
            self._changes += changes
            self._judge(query, terms)
        refused = any(reason.verdict == "refused" for reason in self._reasons)
        licence = self._table.get("license")
        return Conversion(
            source=self._rule.source,
            rule_id=str(self._values["id"]) if "id" in self._values else None,
            name=on_one_line(name) if isinstance(name, str) else None,
            reasons=tuple(self._reasons),
            changes=() if refused else tuple(self._changes),
            differences=() if refused else tuple(dict.fromkeys(self._differences)),
            left_out=() if refused else left_out(self._table),
            license=on_one_line(licence) if isinstance(licence, str) and licence.strip() else None,
            has_no_version=self._table.get("version") is None,
            values={} if refused else self._values,
        )

    def _refuse(self, key: str, text: str) -> None:
        self._reasons.append(Reason("refused", self._rule.place(key), text))

    def _say(self, said: Reason | Change | Difference) -> None:
        if isinstance(said, Reason):
            self._reasons.append(said)
        elif isinstance(said, Change):
            self._changes.append(said)
        else:
            self._differences.append(said)

    def _take_id(self) -> None:
        """Elastic's id is the rule's, because the ids of alerts are made of it."""
        given, name = self._table.get("rule_id"), self._table.get("name")
        if isinstance(given, str) and _ID.fullmatch(given):
            self._values["id"] = given
            return
        base = given if isinstance(given, str) and given.strip() else name if isinstance(name, str) else ""
        made = _NO_ID.sub("-", base).strip("-")
        if not made or len(made) > _LONGEST_ID:
            self._refuse("rule_id", f"{shown(given)}: must be 1 to 128 letters, digits, '.', '_' or '-'")
            return
        self._values["id"] = made
        self._changes.append(Change(self._rule.place("rule_id"), f"{shown(given)} is the id {made}"))

    def _take_facts(self) -> None:
        """Take name, version, severity and risk score."""
        table = self._table
        name, severity, score, version = (table.get(key) for key in ("name", "severity", "risk_score", "version"))
        if isinstance(name, str) and name.strip():
            self._values["name"] = name.strip()
        else:
            self._refuse("name", f"{shown(name)}: must be text")
        number = 1 if version is None else _whole_number(version)
        if number is not None and 1 <= number <= _LARGEST_VERSION:
            self._values["version"] = number
        else:
            self._refuse("version", f"{shown(version)}: must be a whole number from 1")
        if severity in _SEVERITIES:
            self._values["severity"] = severity
        else:
            self._refuse("severity", f"{shown(severity)}: must be one of {', '.join(_SEVERITIES)}")
        number = _whole_number(score)
        if number is not None and 0 <= number <= _HIGHEST_SCORE:
            self._values["risk_score"] = number
        else:
            self._refuse("risk_score", f"{shown(score)}: must be a whole number from 0 to {_HIGHEST_SCORE}")

    def _query(self) -> Query | None:
        """Take the query; its meaning, or ``None`` if it is not understood."""
        text, language = self._table.get("query"), self._table.get("language", "kuery")
        if language != "kuery":
            self._refuse("language", f"{shown(language)}: write the query in KQL, and kuery here")
            return None
        if not isinstance(text, str):
            self._refuse("query", f"{shown(text)}: must be text" if text is not None else "is missing")
            return None
        try:
            query = parse_query(text)
        except QueryError as error:
            where, what = f"query:{error.line}:{error.column}", f"{error.what}: {error.allowed}"
            self._reasons.append(Reason("refused", where, what))
            return None
        if asks_for_what_is_never_taken(query):
            self._refuse("query", "asks for Insight or network activity events, and rootwatch never takes them")
            return None
        lines = text.strip(" \t\r\n")
        self._values["query"] = f"{lines}\n" if "\n" in lines else lines
        return query

    def _terms(self) -> list[Field] | None:
        """Take the terms; their fields, or ``None`` if they are no terms."""
        names, place = self._table.get("new_terms_fields"), self._rule.place("new_terms_fields")
        if not isinstance(names, list) or not 1 <= len(names) <= MOST_TERMS:
            self._refuse("new_terms_fields", f"{shown(names)}: must be a list of 1 to {MOST_TERMS} names of fields")
            return None
        fields: list[Field] = []
        for number, name in enumerate(names):
            what = _no_term(name, fields)
            if what is None:
                fields.append(field_named(name))
            else:
                self._reasons.append(Reason("refused", f"{place}[{number}]", what))
        if len(fields) < len(names):
            return None
        self._values["terms"] = list(names)
        return fields

    def _take_window(self) -> None:
        try:
            self._values["window"] = window(self._table.get("history_window_start"))
        except ValueError as error:
            self._refuse("history_window_start", str(error))

    def _take_max_signals(self) -> None:
        most = self._table.get("max_signals")
        if most is None or most == _USUAL_SIGNALS:
            return
        number = _whole_number(most)
        if number is not None and number >= 1:
            alerts = min(number, MOST_ALERTS)
            self._values["max_alerts"] = alerts
            text = f"{most} is max_alerts = {alerts}, per value of the first term and five minutes"
        else:
            text = f"{shown(most)} is left out: it is no number from 1"
        self._changes.append(Change(self._rule.place("max_signals"), text))

    def _judge(self, query: Query | None, terms: list[Field] | None) -> None:
        """Say what the rule needs, and where it differs."""
        self._differences += [Difference("unknown", text) for text in unknown_keys(self._rule)]
        if query is None or terms is None:
            return
        asked = query.fields()
        self._differences += differences(self._rule, asked, terms)
        networks = [field.name for field in (*asked, *terms) if field.name.startswith(_NETWORKS)]
        if networks:
            text = f"{_few(networks)} is read from a MaxMind database that geoip_database names, such as GeoLite2-ASN"
            self._needs("needs an ASN database", text)
        if names := data_events(query):
            text = f"{_few(names)} is in CloudTrail only if the trail records data events; else the rule sees none"
            self._needs("needs data events", text)
        if requirements(query).literals is None:
            self._needs("takes a lot", "no text is in each of its records, so it reads every message")
        elif takes_any_event(query):
            self._needs("takes a lot", "it asks for no event.action and no event.provider")
        elif names := everyday_events(query):
            self._needs("takes a lot", f"{_few(names)} happens all the time; see its share with rules check --sample")

    def _needs(self, verdict: Verdict, text: str) -> None:
        place = "query" if "query" in self._values else "terms"
        self._reasons.append(Reason(verdict, place, text))


def _no_term(name: object, before: list[Field]) -> str | None:
    """Return why a name is no further term; ``None`` if it is one."""
    if not isinstance(name, str):
        return f"{shown(name)}: must be a field's name"
    try:
        field = field_named(name)
    except UnknownFieldError as error:
        return str(error)
    return f"{name} is there twice" if field in before else None


def _whole_number(value: object) -> int | None:
    """Return a whole number, also of one that is written as 21.0; ``None`` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _few(names: Iterable[str]) -> str:
    """Return names in words; of many, the first."""
    all_names = list(dict.fromkeys(names))
    more = len(all_names) - _MOST_SHOWN
    return ", ".join(all_names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
