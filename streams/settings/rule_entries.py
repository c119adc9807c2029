"""The rule files that the setting ``rules`` or ``--rule`` names: files, folders, and what ships (U8)."""

from __future__ import annotations

import difflib
import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streams.rules.rule_errors import RuleErrors
from streams.rules.rule_file import NamedRule, RuleText, parse, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

    from streams.rules.rule import Rule

SHIPPED = "shipped"
"""The entry for all rules that ship; ``shipped:ID`` is the one of this id."""
DEFAULT = f"{SHIPPED}:aws-sts-assume-root-rare-pair"

_ALLOWED = f"rules and --rule take a rule file, a folder of rule files, {SHIPPED} or {SHIPPED}:ID"
_SUFFIX = ".toml"
# Kubernetes mounts a folder as links to files in folders of such names; without this, each file would be found twice.
_KUBERNETES_PREFIX = ".."


def read_rules(entries: Iterable[str]) -> list[NamedRule]:
    """Read the rules of the entries, in order of their files' names. The order of the entries is no matter.

    Raises:
        RuleErrors: an entry names nothing, a file cannot be read or is wrong, a file is named twice, or two rules have
            the same id; it has all faults of all files.
    """
    search = _Search()
    for entry in sorted(entries):
        search.add(entry)
    try:
        rules = parse_all(search.texts)
    except RuleErrors as wrong:
        search.faults += wrong.faults
    if search.faults:
        raise RuleErrors(search.faults)
    return rules


class RuleFile(NamedTuple):
    """A rule, the name of its file for messages, and the file."""

    name: str
    rule: Rule
    file: Traversable


def read_rule_files(entries: Iterable[str]) -> list[RuleFile]:
    """As ``read_rules``, with the files: other files may lie beside them."""
    entries = tuple(entries)
    read_rules(entries)  # raises all faults
    search = _Search()
    for entry in sorted(entries):
        search.add(entry)
    found = zip(search.texts, search.files, strict=True)
    return sorted((RuleFile(text.name, parse(text.text, text.name), file) for text, file in found), key=_by_id)


def _by_id(found: RuleFile) -> str:
    return found.rule.id


class _Search:
    """Finds and reads the files of entries, and notes what is wrong with any."""

    def __init__(self) -> None:
        self.texts: list[RuleText] = []
        self.files: list[Traversable] = []  # of the texts
        self.faults: list[str] = []
        self._names: dict[str, str] = {}  # by what tells files apart

    def add(self, entry: str) -> None:
        """Find and read the files of one entry."""
        try:
            self._add(entry)
        except OSError as error:  # this user must not read a directory above it
            self.faults.append(f"{entry}: cannot be looked at: {error.strerror}")

    def _add(self, entry: str) -> None:
        if entry == SHIPPED:
            for file in _shipped().values():
                self._read(file, file.name)
        elif entry.startswith(f"{SHIPPED}:"):
            self._add_shipped(entry)
        elif Path(entry).is_dir():
            found = sorted(self._below(entry, (entry,)))
            for path in found:
                self._read(Path(path), path)
            if not found:
                self.faults.append(f"{entry}: holds no rule file: a folder needs *{_SUFFIX} files in it or below")
        elif not os.path.lexists(entry):
            self.faults.append(f"{entry}: there is no such file or folder: {_ALLOWED}")
        else:
            self._read(Path(entry), entry)

    def _add_shipped(self, entry: str) -> None:
        rule_id = entry.removeprefix(f"{SHIPPED}:")
        if file := _shipped_file(rule_id):
            self._read(file, file.name)
            return
        shipped = _shipped()
        close = difflib.get_close_matches(rule_id, shipped, n=1)
        hint = f"did you mean {SHIPPED}:{close[0]}?" if close else f"those are {', '.join(shipped)}"
        self.faults.append(f"{entry}: no rule of this id ships; {hint}")

    def _below(self, folder: str, above: tuple[str, ...]) -> Iterator[str]:
        """Give the paths of the rule files in a folder and below it, through links, but not round and round."""
        try:
            names = os.listdir(folder)  # noqa: PTH208  a Path would not keep the folder as it was given
        except OSError as error:
            self.faults.append(f"{folder}: cannot be read: {error.strerror}")
            return
        for path in (os.path.join(folder, name) for name in names if not name.startswith(_KUBERNETES_PREFIX)):  # noqa: PTH118  as above
            if not Path(path).is_dir():
                if path.endswith(_SUFFIX):
                    yield path
            elif not any(Path(path).samefile(other) for other in above):
                yield from self._below(path, (*above, path))

    def _read(self, file: Traversable, name: str) -> None:
        key = os.path.realpath(str(file))
        if key in self._names:
            other = self._names[key]
            again = "is given twice" if other == name else f"is the same file as {other}"
            self.faults.append(f"{name}: {again}; name each rule file once")
            return
        self._names[key] = name
        try:
            if isinstance(file, Path) and file.exists() and not file.is_file():  # a pipe would never end
                self.faults.append(f"{name}: is no file: {_ALLOWED}")
                return
            # With or without the byte order mark that editors on Windows write.
            self.texts.append(RuleText(name, file.read_bytes().decode("utf-8-sig")))
            self.files.append(file)
        except OSError as error:
            self.faults.append(f"{name}: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.faults.append(f"{name}: not UTF-8: {error}")


def _shipped_file(rule_id: str) -> Traversable | None:
    """Return the file of a rule that ships; ``None`` if none has this id.

    Only files that hold the id are parsed: every command would wait for the parsing of all.
    """
    for file in _shipped_files():
        text = file.read_text("utf-8")
        if rule_id in text and parse(text, file.name).id == rule_id:
            return file
    return None


@cache
def _shipped() -> dict[str, Traversable]:
    """Return the files of the rules that ship, by the rules' ids."""
    return {parse(file.read_text("utf-8"), file.name).id: file for file in _shipped_files()}


def _shipped_files() -> list[Traversable]:
    found = (file for file in files("streams.rules").joinpath(SHIPPED).iterdir() if file.name.endswith(_SUFFIX))
    return sorted(found, key=lambda file: file.name)
