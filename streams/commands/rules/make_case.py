"""``rootwatch rules case``: prints the case that records make with a rule, to be kept beside it (U12)."""

from __future__ import annotations

import json as to_json
import sys
from typing import Annotated, Any

import typer

from streams.backtest.sources.file_messages import CannotReadError
from streams.commands.rules.cases.case_file import Case
from streams.commands.rules.cases.case_run import run_case
from streams.commands.rules.entries import rule_files
from streams.commands.terminal.file_messages import messages_of
from streams.commands.terminal.replay_options import say
from streams.content.redaction.redact import redact
from streams.errors import UsageError
from streams.extraction.extract import MAX_MESSAGE_SIZE


def make_case(
    files: Annotated[
        list[str], typer.Argument(metavar="RECORD", help="Files as for explain: a message each, or one per line.")
    ],
    *,
    rule: Annotated[str, typer.Option("--rule", help="The rule file.", metavar="FILE")],
    name: Annotated[str, typer.Option("--name", help="What the case shows, in words.", metavar="TEXT")],
) -> None:
    """Print one case of all these records, with the alerts that they give now: append it to my-rule.cases.jsonl.

    Read it before you keep it: it says what the rule does, which may not be what it should. Session tokens are removed.

    Exit codes: 0 printed; 2 wrong usage, or a file that cannot be read.

    Examples:
        rootwatch rules case record.json --rule my-rule.toml --name "A new user"
    """
    found = rule_files([rule])
    if len(found) != 1:
        raise UsageError(f"--rule {rule}: name one rule file; these are {len(found)} rules")
    case = Case(name=name, records=tuple(_records(files)), alerts=())
    result = run_case(found[0].rule, case)
    alerts = [{"terms": list(alert.terms), "novelty": alert.novelty} for alert in result.alerts]
    sys.stdout.write(f"{to_json.dumps({'name': name, 'records': list(case.records), 'alerts': alerts})}\n")
    say(f"{len(alerts)} alert{'s' * (len(alerts) != 1)}; `rootwatch rules test {rule}` runs it")


def _records(files: list[str]) -> list[dict[str, Any]]:
    """Read the messages as JSON objects.

    Raises:
        UsageError: one is not, or none is there, or a file cannot be read.
    """
    records = []
    for file in files:
        try:
            for source, value in messages_of(file, MAX_MESSAGE_SIZE):
                record = redact(to_json.loads(value))
                if not isinstance(record, dict):
                    raise UsageError(f"{source}: a record of a case is one JSON object")
                records.append(record)
        except (OSError, CannotReadError) as error:
            raise UsageError(f"{file}: cannot be read: {error}") from error
        except ValueError as error:
            raise UsageError(f"{file}: is no JSON: {error}; name it .jsonl if each line is a message") from error
    if not records:
        raise UsageError(f"{', '.join(files)}: no record there")
    return records
