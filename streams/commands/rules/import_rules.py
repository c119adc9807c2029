"""``rootwatch rules import``: a user's own new-terms rules of Elastic become rule files (U12)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.rules.import_report import report, report_json
from streams.commands.terminal.replay_options import say
from streams.errors import OperatorError, UsageError
from streams.rules.importing.convert import convert
from streams.rules.importing.elastic.elastic_rule import ElasticRule, read
from streams.rules.importing.outcome import Conversion, refusal
from streams.rules.importing.plan import plan
from streams.rules.rule_file import RuleText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.rules.importing.plan import Planned

LARGEST_FILE = 100_000_000
"""In bytes; Kibana exports at most 10,000 rules at once."""
_STDIN = "-"


def import_rules(
    files: Annotated[
        list[str],
        typer.Argument(
            help="TOML files in the form of Elastic's rules, and .ndjson files that Kibana exports; - is stdin."
        ),
    ],
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where the rule files go; it is made if it is missing.")
    ] = Path("rules"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Report one JSON object per rule and line.")] = False,
) -> None:
    """Turn your own new-terms rules of Elastic into rule files.

    Each rule gets a verdict: ready, needs an ASN database, needs data events,
    takes a lot (see how many records before you run it), or refused. What
    would change what fires is refused, and its place is named: filters,
    exceptions, a data view, indices without CloudTrail, a query in another
    language, or a part of KQL that rootwatch does not have. A refused rule
    writes nothing.

    You may import again. A rule goes to the file that has its id, wherever
    it is below the folder. Fields that Elastic's rule has are set there.
    Comments, their order and all other fields stay.

    Exit codes: 0 every rule was imported; 1 a rule was refused, or a file
    could not be read; 2 wrong usage.

    Examples:
        rootwatch rules import export.ndjson --to rules --dry-run
        rootwatch rules import my_rule.toml
    """
    if to.exists() and not to.is_dir():
        raise UsageError(f"--to {to}: is a file; name a folder")
    conversions = [conversion for file in dict.fromkeys(files) for conversion in _conversions(file)]
    planned = plan(conversions, _existing(to), str(to / "x").removesuffix("x"))
    if not dry_run:
        for one in planned:
            _write(one)
    (report_json if json else report)(planned, written=not dry_run)
    if any(one.action == "refused" for one in planned):
        raise typer.Exit(1)


def _conversions(file: str) -> Iterator[Conversion]:
    try:
        stored = _read(file)
        text = stored.decode("utf-8-sig")
    except OSError as error:
        yield refusal(file, "", f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        yield refusal(file, "", f"is not UTF-8, at byte {error.start}")
    else:
        for found in read(text, file):
            yield convert(found) if isinstance(found, ElasticRule) else found


def _read(file: str) -> bytes:
    if file == _STDIN:
        stored = sys.stdin.buffer.read(LARGEST_FILE + 1)
    elif Path(file).is_dir():
        raise OSError(f"is a folder; name its files: {Path(file) / '*.toml'}")
    else:
        with Path(file).open("rb") as opened:
            stored = opened.read(LARGEST_FILE + 1)
    if len(stored) > LARGEST_FILE:
        raise OSError(f"is too large; at most {LARGEST_FILE // 1_000_000} MB are read")
    return stored


def _existing(folder: Path) -> Iterator[RuleText]:
    """Give the rule files below a folder. One that cannot be read is no rule's file, but its name is taken."""
    for path in sorted(folder.rglob("*.toml")):
        try:
            yield RuleText(str(path), path.read_bytes().decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            say(f"rootwatch: {path}: cannot be read, so it is left alone: {error}")
            yield RuleText(str(path), "")


def _write(planned: Planned) -> None:
    """Write a rule file as a whole: after a crash or on a full disk there is the old one or the new one."""
    if planned.file is None or planned.action == "unchanged":
        return
    target = Path(planned.file).resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(planned.text.encode("utf-8"))
            if target.exists():
                shutil.copymode(target, temporary)
            else:
                Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise OperatorError(f"{planned.file}: cannot be written: {error.strerror}") from None
