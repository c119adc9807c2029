"""Which values an argument or an option takes, and what a shell may offer for them.

What an option takes is a word in ``commands.json`` that ``what_it_takes`` chose: the name of a function in
``COMPLETERS``; or a list of values. Nothing here may fail: a completion that raises would print a traceback over the
line that a person types.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SHIPPED = Path(__file__).parent.parent.parent / "rules" / "shipped"
FILE, FOLDER = "file", "dir"

_FILES = ("FILE", "PATH", "RECORD", "paths")
_FOLDERS = ("DIR", "FOLDER")
_OF_OPTIONS: Mapping[str, str | list[str]] = {
    "--topic": "topic",
    "--compare": "alert_topic",
    "--skip": "record",
    "--budget": "budget",
    "--variant": ["window=", "forget_after=", "learn=", "max_alerts="],
    "--acls": ["User:"],
}


class Offer(NamedTuple):
    """A value that a shell offers.

    Attributes:
        value: the value; with ``kind`` FILE or FOLDER it is unused, and the shell offers files or folders itself.
        about: what it is, in a few words.
        kind: ``plain``, FILE or FOLDER.
    """

    value: str
    about: str | None = None
    kind: str = "plain"


def what_it_takes(name: str, metavar: str | None, about: str) -> str | list[str] | None:
    """Return what an option or argument takes.

    Args:
        name: of an option with ``--``, of an argument without.
        metavar: what help shows in its place.
        about: the text of help.
    """
    if name in _OF_OPTIONS:
        return _OF_OPTIONS[name]
    if "shipped:ID" in about:
        return "entry"
    shown = metavar or name
    if shown.startswith(_FILES) or name == "files":
        return "file"
    return "folder" if shown.startswith(_FOLDERS) else None


def offers(takes: str | Sequence[str] | None, incomplete: str) -> list[Offer]:
    """What may stand in place of ``incomplete``; ``takes`` is what ``what_it_takes`` returned."""
    if takes is None:
        return []
    found = COMPLETERS[takes](incomplete) if isinstance(takes, str) else map(Offer, takes)
    return [offer for offer in found if offer.kind != "plain" or offer.value.startswith(incomplete)]


def _file(_: str) -> Iterator[Offer]:
    yield Offer("", kind=FILE)


def _folder(_: str) -> Iterator[Offer]:
    yield Offer("", kind=FOLDER)


def _entry(incomplete: str) -> Iterator[Offer]:
    """Rules: ``shipped`` and what ships by its id, or files and folders.

    Shells do not offer both at once, so files come as soon as the word cannot become ``shipped``.
    """
    prefix = "shipped:"
    if incomplete.startswith(prefix):
        for rule_id, name in _shipped():
            yield Offer(prefix + rule_id, name)
    elif "shipped".startswith(incomplete):
        yield Offer("shipped", "all that ship")
        yield Offer(prefix, "one that ships")
    else:
        yield Offer("", kind=FILE)


def _budget(_: str) -> Iterator[Offer]:
    for rule_id, name in _shipped():
        yield Offer(f"{rule_id}=", name)


def _shipped() -> Iterator[tuple[str, str]]:
    """Id and name of each rule that ships."""
    for path in sorted(SHIPPED.glob("*.toml")):
        rule = _toml(path)
        yield str(rule.get("id", "")), str(rule.get("name", ""))


def _topic(_: str) -> Iterator[Offer]:
    settings = _settings()
    for topic in _sources(settings):
        yield Offer(topic, "CloudTrail")
    yield Offer(f"{_prefix(settings)}.sightings", "sightings")


def _alert_topic(_: str) -> Iterator[Offer]:
    yield Offer(f"{_prefix(_settings())}.alerts", "alerts")


def _record(_: str) -> Iterator[Offer]:
    for topic in _sources(_settings()):
        yield Offer(f"{topic}:", "and partition and offset")


def _settings() -> Mapping[str, object]:
    """The settings file that a command without ``--config`` reads. The variables of the environment count more."""
    names = ("source_topics", "topic_prefix")
    given = {name: os.environ[variable] for name in names if (variable := f"ROOTWATCH_{name.upper()}") in os.environ}
    return _toml(Path(os.environ.get("ROOTWATCH_CONFIG") or "rootwatch.toml")) | given


def _sources(settings: Mapping[str, object]) -> list[str]:
    value = settings.get("source_topics", "cloudtrail")
    topics = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(topic).strip() for topic in topics]


def _prefix(settings: Mapping[str, object]) -> object:
    return settings.get("topic_prefix", "rootwatch")


def _toml(path: Path) -> dict[str, object]:
    """What a file says; nothing if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


COMPLETERS: Mapping[str, Callable[[str], Iterator[Offer]]] = {
    "file": _file,
    "folder": _folder,
    "entry": _entry,
    "budget": _budget,
    "topic": _topic,
    "alert_topic": _alert_topic,
    "record": _record,
}
