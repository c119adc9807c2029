"""``rootwatch rules test``: runs the cases beside each rule file, and says what they gave (U12)."""

from __future__ import annotations

import json as to_json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from streams.commands.rules.cases.case_file import SUFFIX, parse_cases
from streams.commands.rules.cases.case_run import run_case
from streams.commands.rules.entries import Entries, Json, Strict, entries_or_configured, rule_files
from streams.commands.terminal.check_list import show
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import say
from streams.rules.rule_errors import RuleErrors
from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.commands.rules.cases.case_file import Case
    from streams.commands.rules.cases.case_run import CaseResult
    from streams.settings.rule_entries import RuleFile


class Tested(NamedTuple):
    """A rule with the results of its cases, in order; ``path`` names the file of the cases, which need not exist."""

    found: RuleFile
    path: str
    results: list[tuple[Case, CaseResult]]

    def rows(self) -> Iterator[tuple[str, str]]:
        """Give what a person must know: a row for the rule, and one per problem of a case."""
        wrong = [(case, result) for case, result in self.results if result.problems]
        firing = sum(bool(case.alerts) for case, _ in self.results)
        silent = len(self.results) - firing
        rule_id = self.found.rule.id
        if not self.results:
            yield "warning", f"{rule_id}: no cases; write {self.path}"
            return
        if wrong:
            yield "wrong", f"{rule_id}: {len(wrong)} of {_count(len(self.results), 'case')} failed"
        else:
            yield "ok", f"{rule_id}: {firing} firing, {silent} silent"
        for case, result in wrong:
            yield from (("wrong", f"{self.path}: {case.name}: {problem}") for problem in result.problems)
        if not (firing and silent):
            yield "warning", f"{rule_id}: no {'silent' if firing else 'firing'} case in {self.path}"

    def documents(self) -> Iterator[dict[str, Any]]:
        """Give an object per case; one without a case if there is none."""
        about = {"rule_id": self.found.rule.id, "file": self.path}
        for case, result in self.results:
            yield {
                **about,
                "case": case.name,
                "passed": not result.problems,
                "expected": [
                    {name: value for name, value in asdict(alert).items() if value is not None} for alert in case.alerts
                ],
                "alerts": [asdict(alert) for alert in result.alerts],
                "problems": list(result.problems),
            }
        if not self.results:
            yield {**about, "case": None, "passed": None, "expected": [], "alerts": [], "problems": ["no cases"]}


def run_cases(
    files: Entries = None,
    *,
    strict: Strict = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Run the cases beside each rule: those of my-rule.toml are in my-rule.cases.jsonl.

    Each case starts with an empty memory, and nothing of a deployment counts but the rule's file.

    Exit codes: 0 all cases passed; 1 one failed; 2 wrong usage, or a file that cannot be read.

    Examples:
        rootwatch rules test my-rules/
        rootwatch rules test --strict shipped
    """
    tested = run_all(rule_files(entries_or_configured(files, config)))
    rows = [row for one in tested for row in one.rows()]
    if json:
        for document in (document for one in tested for document in one.documents()):
            sys.stdout.write(f"{to_json.dumps(document)}\n")
    else:
        show(rows)
    results = [result for one in tested for _, result in one.results]
    failed = sum(bool(result.problems) for result in results)
    verdict = f"{failed} failed" if failed else "all passed" if results else "nothing was tested"
    say(f"{_count(len(tested), 'rule')}, {_count(len(results), 'case')}: {verdict}")
    if failed or (strict and any(state == "warning" for state, _ in rows)):
        raise typer.Exit(1)


def run_all(found: list[RuleFile]) -> list[Tested]:
    """Run the cases of all rules, after all files were read.

    Raises:
        SettingsError: a file of cases is wrong or cannot be read; the message has all faults of all files.
    """
    faults: list[str] = []
    read = []
    for each in found:
        path, text = _cases_beside(each, faults)
        try:
            read.append((each, path, parse_cases(text, path, len(each.rule.terms))))
        except RuleErrors as wrong:
            faults += wrong.faults
    if faults:
        raise SettingsError("\n".join(faults))
    return [Tested(each, path, [(case, run_case(each.rule, case)) for case in cases]) for each, path, cases in read]


def _cases_beside(found: RuleFile, faults: list[str]) -> tuple[str, str]:
    """Return the name and the text of the file of a rule's cases; no text if there is none."""
    path = found.name.removesuffix(".toml") + SUFFIX
    file = Path(str(found.file)).with_name(Path(path).name)
    try:
        return path, file.read_text("utf-8-sig") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
        return path, ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
