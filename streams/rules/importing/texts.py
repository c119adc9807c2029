"""The texts of a rule of Elastic in the form of a rule file: lists, and MITRE ATT&CK (U12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.importing.outcome import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.rules.importing.elastic.elastic_rule import ElasticRule

ATTACK = "MITRE ATT&CK"
_LISTS = ("tags", "references", "false_positives")


def carried_texts(rule: ElasticRule) -> tuple[dict[str, object], list[Change]]:
    """Return the fields of a rule file that hold texts, and what of them was not carried over."""
    texts: dict[str, object] = {}
    changes: list[Change] = []
    if description := _text(rule.table.get("description")):
        texts["description"] = description
    for key in _LISTS:
        members = rule.table.get(key) or []
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            changes.append(Change(rule.place(key), "is not carried over: it is no list of texts"))
        elif kept := [text for text in map(_text, members) if text]:
            texts[key] = kept
    if note := _text(rule.table.get("note")):
        texts["triage"] = [note]
        changes.append(Change(rule.place("note"), "becomes triage, as one step"))
    threat = list(_threat(rule, changes))
    if threat:
        texts["threat"] = threat
    return texts, changes


def _text(value: object) -> str | None:
    """Return a text without blanks at its ends; ``None`` if nothing is left, or if it is no text."""
    return (value.strip() or None) if isinstance(value, str) else None


def _threat(rule: ElasticRule, changes: list[Change]) -> Iterator[dict[str, str]]:
    """Give the techniques and sub-techniques of a rule; what cannot be given is noted."""
    entries = rule.table.get("threat") or []
    if not isinstance(entries, list):
        changes.append(Change(rule.place("threat"), "is not carried over: it is no list"))
        return
    for number, entry in enumerate(entries):
        place = f"{rule.place('threat')}[{number}]"
        framework = entry.get("framework", ATTACK) if isinstance(entry, dict) else None
        if framework != ATTACK:
            changes.append(Change(place, f"is not carried over: only {ATTACK} has a place in a rule file"))
            continue
        tactic = _named(entry.get("tactic"), "tactic")
        techniques = entry.get("technique") or []
        if tactic is None:
            changes.append(Change(place, "is not carried over: its tactic is missing, or has no id and name"))
        elif not isinstance(techniques, list) or not techniques:
            changes.append(Change(place, "is not carried over: it names a tactic without a technique"))
        else:
            for index, technique in enumerate(techniques):
                yield from _technique(tactic, technique, f"{place}.technique[{index}]", changes)


def _technique(
    tactic: dict[str, str], technique: object, place: str, changes: list[Change]
) -> Iterator[dict[str, str]]:
    named = _named(technique, "technique")
    reference = _reference(technique)
    if named is None or reference is None or not isinstance(technique, dict):
        changes.append(Change(place, "is not carried over: its id, name or reference is missing"))
        return
    below = technique.get("subtechnique") or []
    if not isinstance(below, list) or not below:
        yield {**tactic, **named, "reference": reference}
        return
    for index, subtechnique in enumerate(below):
        inner, page = _named(subtechnique, "subtechnique"), _reference(subtechnique)
        if inner is None or page is None:
            where = f"{place}.subtechnique[{index}]"
            changes.append(Change(where, "is not carried over: its id, name or reference is missing"))
        else:
            yield {**tactic, **named, **inner, "reference": page}


def _named(value: object, kind: str) -> dict[str, str] | None:
    """Return id and name of a tactic or technique as a rule file has them."""
    if not isinstance(value, dict):
        return None
    given, name = _text(value.get("id")), _text(value.get("name"))
    return {f"{kind}_id": given, f"{kind}_name": name} if given and name else None


def _reference(value: object) -> str | None:
    return _text(value.get("reference")) if isinstance(value, dict) else None
