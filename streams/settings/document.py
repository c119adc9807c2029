"""``docs/settings.md``, written from the model: ``python -m streams.settings.document > docs/settings.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le

from streams.rules.duration import format_duration
from streams.settings.loading import PREFIX
from streams.settings.model import Settings
from streams.settings.rule_settings import RuleSettings, RuleTables
from streams.settings.values import (
    Addresses,
    Duration,
    DurationOrZero,
    Entries,
    Entry,
    ExistingFile,
    Files,
    Name,
    Names,
    RecordSize,
    Size,
    Time,
    Whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

# The first setting of each group, and the heading of the group. The model has the same headings as comments.
GROUPS = {
    "bootstrap_servers": "Kafka",
    "rules": "The rules, and what an operator overrides of one",
    "forget_after": "Detection",
    "security_protocol": "Security, for both Kafka clients",
    "state_dir": "The worker's own machine",
}
_VALUES = (
    (Addresses, "list of host:port"),
    (Names, "list of topic names"),
    (Files, "list of files"),
    (Name, "name"),
    (Duration, "duration"),
    (DurationOrZero, "duration, or `0s`"),
    (Entries, "list of files, folders, `shipped`, `shipped:ID`"),
    (Entry, "file, folder, `shipped` or `shipped:ID`"),
    (RuleTables, "tables"),
    (Time, "time"),
    (Size, "size"),
    (RecordSize, "size, 1MiB to 64MiB"),
    (Whole, "whole number"),
    (ExistingFile, "file"),
    (Path, "folder"),
)
_INTRODUCTION = """\
# Settings

This page is generated from `streams/settings/model.py`. `make test` fails if the two differ and names the command
that writes the page again.

A setting has three sources. An option of the command line overrides a variable, and a variable overrides the file.
The file is the one that `--config` names, or else `ROOTWATCH_CONFIG`, or else `rootwatch.toml` in the working
directory. A wrong or unknown setting ends the command with exit 2. The message names the setting, its value, its
source and what is allowed.

How values are written:

| kind | in the file | in a variable |
| --- | --- | --- |
| list | `"a,b"` or `["a", "b"]` | `a,b` |
| duration | `"10d"`, `"5m"`, `"1d12h"`; units `w`, `d`, `h`, `m`, `s`; 1s to 36500d | `10d` |
| size | `"64MiB"`; units `B`, `KiB`, `MiB`, `GiB` | `64MiB` |
| time | `"2026-01-31T09:00:00Z"` (RFC 3339 with an offset), or a date (UTC) | `2026-01-31` |
| file, folder, name, text | `"…"`; a file must exist | the same without quotes |
| whole number | `8` | `8` |

`partitions` and `group_id` cannot be changed in place, because memory is stored in the partitions of the group's
changelog topic: see [Changing partitions](operations.md#changing-partitions). Numbers such as M1 lead to
[semantics.md](semantics.md).\
"""


_OF_ONE_RULE = """\
The file may have a table per rule that runs, under the rule's id:

```toml
[rule_settings."aws-sts-assume-root-rare-pair"]
window = "30d"
severity = "medium"
```

A table wins over the settings above, and those win over the rule file. `window`, `max_alerts`, `severity` and
`risk_score` above are those of the one rule if one runs; else of `aws-sts-assume-root-rare-pair`; if that does not run
either, they are an error. `forget_after` and `learn_until` above are the defaults of every rule: a rule file's
`forget_after` wins over the one above.\
"""


def document() -> str:
    """The whole page: an introduction, then a table per group, in the model's order."""
    return "\n".join([_INTRODUCTION, *_tables(), *_table_of_one_rule()]) + "\n"


def _tables() -> Iterator[str]:
    hints = get_type_hints(Settings, include_extras=True)
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            yield from ("", f"## {GROUPS[name]}", "", "| setting | default | values | meaning | variable |")
            yield "| --- | --- | --- | --- | --- |"
        default, values = shown_default(name), _values(hints[name], field)
        variable = "none" if name == "rule_settings" else f"`{PREFIX}{name.upper()}`"
        yield f"| `{name}` | {default} | {values} | {_meaning(field)} | {variable} |"


def _table_of_one_rule() -> Iterator[str]:
    hints = get_type_hints(RuleSettings, include_extras=True)
    yield from (
        "",
        "## Settings of one rule",
        "",
        _OF_ONE_RULE,
        "",
        "| setting | values | meaning |",
        "| --- | --- | --- |",
    )
    for name, field in RuleSettings.model_fields.items():
        yield f"| `{name}` | {_values(hints[name], field)} | {_meaning(field)} |"


def _meaning(field: FieldInfo) -> str:
    return re.sub(r"\(([RTMA][0-9]+)\)", _link, field.description or "")


def shown_default(name: str) -> str:
    """The default of a setting as a table shows it: as one would write it, or ``none``."""
    default, hint = Settings.model_fields[name].default, get_type_hints(Settings, include_extras=True)[name]
    if default is None or default in ((), {}):
        return "none"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    if hint == Duration:
        return f"`{format_duration(default)}`"
    return f"`{_size(default)}`" if hint in (Size, RecordSize) else f"`{default}`"


def _size(size: int) -> str:
    return f"{size >> 20}MiB"


def _values(hint: Any, field: FieldInfo) -> str:
    """What the setting takes: its choices, or its kind and bounds."""
    if get_origin(hint) in {UnionType, Union}:  # Annotated types give the older form
        return _values(get_args(hint)[0], field)
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    kind = next((words for each, words in _VALUES if hint == each), "text")
    lowest = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    highest = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    if lowest is None:
        return kind
    return f"{kind}, {lowest} to {highest:,}" if highest is not None else f"{kind}, at least {lowest}"


def _link(number: re.Match[str]) -> str:
    return f"([{number[1]}](semantics.md#{number[1].lower()}))"


if __name__ == "__main__":
    sys.stdout.write(document())
