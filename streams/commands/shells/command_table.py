"""What there is to complete: ``commands.json``, which is written from the commands themselves.

``python -m streams.commands.shells.command_table`` writes it, with ``--check`` it only says whether it is as it
would be written (exit 1 if not). It has, for each command, ``help``, ``parameters`` and ``commands``; for a parameter
``names`` (an argument has one, without ``--``), ``is_flag``, ``is_many``, ``help``, and ``takes``, as in ``values``.
"""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from streams.commands.shells.values import what_it_takes

TABLE = Path(__file__).with_name("commands.json")


def table() -> dict[str, Any]:
    """The table of all commands. Imports every one."""
    from typer.main import get_command  # noqa: PLC0415  as above

    from streams.commands.main import COMMANDS, app, load  # noqa: PLC0415  it imports this package

    root = _command(get_command(app))
    root["commands"] = {name: _command(load(name)) | {"help": text} for name, text in COMMANDS.items()}
    return root


def written() -> str:
    """The table as it is in the file."""
    return json.dumps(table(), indent=1, ensure_ascii=False) + "\n"


def _command(command: Any) -> dict[str, Any]:
    """One command and those below it. Typer's types of commands are private: Any."""
    return {
        "help": _first_sentence(command.help),
        "parameters": [_parameter(each) for each in command.params],
        "commands": {name: _command(below) for name, below in getattr(command, "commands", {}).items()},
    }


def _parameter(parameter: Any) -> dict[str, Any]:
    is_option = parameter.param_type_name == "option"
    names = ["/".join([*parameter.opts, *parameter.secondary_opts])] if parameter.secondary_opts else parameter.opts
    about = getattr(parameter, "help", None) or ""
    return {
        "names": names,
        "is_flag": is_option and parameter.is_flag,
        "is_many": bool(parameter.multiple if is_option else parameter.nargs != 1),
        "help": _first_sentence(about),
        "takes": _choices(parameter) or what_it_takes(names[0], parameter.metavar, about),
    }


def _choices(parameter: Any) -> list[str] | None:
    """The values of an option that has few: its own, or those of the setting that has its name."""
    from streams.settings import Settings  # noqa: PLC0415  --help needs no settings

    setting = Settings.model_fields.get(parameter.name)
    of_setting = None if setting is None else setting.annotation
    for hint in (parameter.type_descriptor.annotation, of_setting):
        for each in (hint, *get_args(hint)):
            if get_origin(each) is Literal:
                return list(get_args(each))
            if isinstance(each, type) and issubclass(each, Enum):
                return [str(member.value) for member in each]
    return None


def _first_sentence(text: str | None) -> str:
    return (text or "").split("\n\n")[0].replace("\\[", "[").split(". ")[0].removesuffix(".")


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(written(), encoding="utf-8")
    elif TABLE.read_text(encoding="utf-8") != written():
        sys.exit(f"{TABLE.name} is not what the commands say; `make completions` writes it again")
