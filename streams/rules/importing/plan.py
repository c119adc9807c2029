"""Which file each imported rule goes to, and what changes in it (U12)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Literal

from streams.rules.importing.outcome import Conversion, Reason
from streams.rules.importing.rule_text import changed_fields, merged_text, new_text
from streams.rules.rule_errors import RuleErrors
from streams.rules.rule_file import RuleText, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

Action = Literal["refused", "new", "changed", "unchanged"]

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 60
_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Planned:
    """What an import does about one rule.

    Attributes:
        conversion: the rule.
        action: whether its file is new, changes, stays, or is not written.
        file: the rule file; ``None`` if the rule is refused.
        text: the whole text of the file.
        fields: each field that changes in a file that is there already, and how.
    """

    conversion: Conversion
    action: Action
    file: str | None = None
    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()


def plan(conversions: Iterable[Conversion], existing: Iterable[RuleText], prefix: str) -> list[Planned]:
    """Plan an import, rule by rule in the given order.

    A rule goes to the file that has its id already, wherever it is below the folder, else to a new file named after it.

    Args:
        conversions: the rules.
        existing: the files below the folder, with their paths.
        prefix: how the paths of files in the folder begin, up to their names: `rules/`.
    """
    planning = _Planning(existing, prefix)
    return [planning.planned(conversion) for conversion in conversions]


class _Planning:
    def __init__(self, existing: Iterable[RuleText], prefix: str) -> None:
        self._prefix = prefix
        self._files: dict[str, RuleText] = {}  # by the ids in them
        self._names: set[str] = set()  # in lower case, because some file systems do not tell cases apart
        self._sources: dict[str, str] = {}  # of the rules so far, by their ids
        for file in existing:
            self._names.add(file.name.lower())
            if rule_id := _id_in(file.text):
                self._files.setdefault(rule_id, file)

    def planned(self, conversion: Conversion) -> Planned:
        rule_id = conversion.rule_id
        if rule_id is not None and conversion.verdict != "refused":
            if other := self._sources.get(rule_id):
                return _refused(conversion, "rule_id", f"{rule_id!r} is also the id of {other}, which is imported")
            self._sources[rule_id] = conversion.source
        if rule_id is None or conversion.verdict == "refused":
            return Planned(conversion, "refused")
        file = self._files.get(rule_id)
        return self._new(conversion, rule_id) if file is None else _merged(conversion, file)

    def _new(self, conversion: Conversion, rule_id: str) -> Planned:
        name = self._free_name(conversion.name or rule_id, rule_id)
        text = new_text(conversion.values, conversion.license)
        if (fault := _fault(text, name)) is not None:
            return _refused(conversion, name, fault)
        self._names.add(name.lower())
        return Planned(conversion, "new", name, text)

    def _free_name(self, rule_name: str, rule_id: str) -> str:
        base = _slug(rule_name) or _slug(rule_id) or "rule"
        tries = chain((base, f"{base}-{_slug(rule_id)}"), (f"{base}-{number}" for number in count(2)))
        names = (f"{self._prefix}{name}{_SUFFIX}" for name in tries)
        return next(name for name in names if name.lower() not in self._names)


def _merged(conversion: Conversion, file: RuleText) -> Planned:
    values = dict(conversion.values)
    before = tomllib.loads(file.text)
    if "version" in before and conversion.has_no_version:
        del values["version"]
    text = merged_text(file.text, values)
    if (fault := _fault(text, file.name)) is not None:
        return _refused(conversion, file.name, f"has this id, and could not be loaded any more: {fault}")
    fields = tuple(changed_fields(before, values))
    return Planned(conversion, "changed" if fields else "unchanged", file.name, text, fields)


def _refused(conversion: Conversion, place: str, text: str) -> Planned:
    reason = Reason("refused", place, text)
    refused = Conversion(
        source=conversion.source,
        rule_id=conversion.rule_id,
        name=conversion.name,
        reasons=(reason, *conversion.reasons),
    )
    return Planned(refused, "refused")


def _fault(text: str, name: str) -> str | None:
    """Return why a text is no rule file; ``None`` if it is one."""
    try:
        parse(text, name)
    except RuleErrors as wrong:
        return wrong.faults[0].removeprefix(f"{name}: ")
    return None


def _id_in(text: str) -> str | None:
    try:
        rule_id = tomllib.loads(text).get("id")
    except (ValueError, RecursionError):
        return None
    return rule_id if isinstance(rule_id, str) else None


def _slug(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text.lower())[:_LONGEST_NAME].strip("-")
