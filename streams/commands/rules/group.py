"""``rootwatch rules list|check|test|case|import``: puts the commands together; each has a module beside this one."""

from __future__ import annotations

import typer

from streams.commands.rules.check import check
from streams.commands.rules.import_rules import import_rules
from streams.commands.rules.list_rules import list_rules
from streams.commands.rules.make_case import make_case
from streams.commands.rules.run_cases import run_cases

rules = typer.Typer(no_args_is_help=True, add_completion=False)
rules.command("list")(list_rules)
rules.command("check")(check)
rules.command("test")(run_cases)
rules.command("case")(make_case)
rules.command("import")(import_rules)


@rules.callback()
def together() -> None:
    """List, check, test and import rules.

    Examples:
        rootwatch rules list
        rootwatch rules check shipped
        rootwatch rules test my-rules/
    """
