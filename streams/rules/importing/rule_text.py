"""The fields of an imported rule → the text of its rule file; a user's own comments in it stay (U12)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from streams.fields.mapping import MAPPING_VERSION
from streams.rules.rule_errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tomlkit.items import Array, Item

_MOST_ON_ONE_LINE = 100
"""In characters, of a list with its key."""
_NOT_LITERAL = re.compile(r"'''|[^\t\n -~\u00a0-\ud7ff\ue000-\U0010ffff]")
_MULTIPLE = "\n"


def new_text(values: Mapping[str, object], license_name: str | None) -> str:
    """Return the text of a new rule file.

    Args:
        values: its fields, in order.
        license_name: the licence of its texts, if the imported rule names one.
    """
    import tomlkit  # noqa: PLC0415  slow to import, and only an import of rules writes TOML

    document = tomlkit.document()
    document.add(tomlkit.comment(f"Imported from a new-terms rule of Elastic, by mapping version {MAPPING_VERSION}."))
    if license_name is not None:
        document.add(tomlkit.comment(f"The texts are under the licence of that rule: {license_name}"))
    document.add(tomlkit.nl())
    for key, value in values.items():
        document.add(key, _item(key, value))
    return str(tomlkit.dumps(document))


def merged_text(existing: str, values: Mapping[str, object]) -> str:
    """Return the text of a rule file with these fields. What is equal already, other fields and comments stay.

    Raises:
        ValueError: the existing text is not TOML.
    """
    import tomlkit  # noqa: PLC0415  as above

    document = tomlkit.parse(existing)
    before = document.unwrap()
    for key, value in values.items():
        if before.get(key) == value:
            continue
        if not (isinstance(value, list) and isinstance(before.get(key), list) and _edit(document[key], value)):
            document[key] = _item(key, value)
    return str(tomlkit.dumps(document))


def _edit(listed: Array, wanted: list[object]) -> bool:
    """Change a list member by member, so that comments beside the others stay. Returns whether it is as wanted."""
    if not all(isinstance(member, str) for member in (*listed, *wanted)):
        return False
    for gone in [member for member in listed if member not in wanted]:
        listed.remove(gone)
    for added in [member for member in wanted if member not in listed]:
        listed.append(added)
    return list(listed) == wanted


def changed_fields(before: Mapping[str, object], values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Give each field that is new or has another value than before, with both values in words."""
    for key, value in values.items():
        if key not in before:
            yield key, "is new"
        elif before[key] != value:
            yield key, f"{shown(before[key])} is now {shown(value)}"


def _item(key: str, value: object) -> Item:
    """Return a field as a person would write it."""
    import tomlkit  # noqa: PLC0415  as above

    if key == "threat" and isinstance(value, list):
        threats = tomlkit.aot()
        for entry in value:
            threat = tomlkit.table()
            threat.update(entry)
            threats.append(threat)
        return threats
    if isinstance(value, list):
        listed = tomlkit.item(value)
        on_one_line = len(f"{key} = {json.dumps(value)}") <= _MOST_ON_ONE_LINE
        return listed if on_one_line else listed.multiline(multiline=True)
    if isinstance(value, str) and _MULTIPLE in value and not _NOT_LITERAL.search(value):
        return tomlkit.value(f"'''\n{value}'''")
    if isinstance(value, str) and "\\" in value and not _NOT_LITERAL.search(value) and "'" not in value:
        return tomlkit.string(value, literal=True)
    return tomlkit.item(value)
