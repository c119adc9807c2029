"""Reads settings from options, ``ROOTWATCH_*`` variables and the TOML file, in this order of precedence.

A wrong value is reported with its source. An unknown name is an error in every source, because a misspelt setting that
is ignored would be found months later.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from streams.settings.model import Settings
from streams.settings.rule_settings import RuleSettings
from streams.settings.setting_files import SettingsError
from streams.settings.values import file_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import ErrorDetails

PREFIX = "ROOTWATCH_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
CONFIG_NAME = "rootwatch.toml"
_SECRETS = ("auth", "credential", "key", "pass", "secret", "token", "url")
_RULES = ("rule", "rules")
_TEST_PREFIX = f"{PREFIX}TEST_"  # variables that only the tests read


def load(config: Path | None = None, **options: object) -> Settings:
    """Return the settings of this process.

    Args:
        config: the TOML file; ``None`` is the file that ``ROOTWATCH_CONFIG`` names, else ``rootwatch.toml`` in the
            working directory, if there is one.
        options: settings of the command line, as text; ``None`` is an option that is not given.

    Raises:
        SettingsError: a setting is unknown or wrong, or the file cannot be read; the message names every such setting.
    """
    file = _file(config)
    try:
        # Editors on Windows write a byte order mark before the text.
        in_file = tomllib.loads(file.read_text("utf-8-sig")) if file else {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read as TOML: {error}") from error
    in_variables = _variables(os.environ)
    in_options = {name: value for name, value in options.items() if value is not None}
    if not in_options.keys().isdisjoint(_RULES):  # --rule stands in the place of both settings
        in_file, in_variables = _without_rules(in_file), _without_rules(in_variables)
    sources = {
        **dict.fromkeys(in_file, str(file)),
        **{name: PREFIX + name.upper() for name in in_variables},
        **{name: "--rule" if name in _RULES else "--" + name.replace("_", "-") for name in in_options},
    }
    problems = list(_unknown_variables(os.environ))
    given = {**in_file, **in_variables, **in_options}
    settings = None
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            problems += _problem(details, sources, given)
    if problems or settings is None:
        raise SettingsError("\n".join(problems))
    return settings


def _file(config: Path | None) -> Path | None:
    """Return the file to read; a missing file is an error only if it was named."""
    named = os.environ.get(CONFIG_VARIABLE)
    asked, by = (config, "--config") if config else (Path(named), CONFIG_VARIABLE) if named else (None, "")
    if asked is None:
        return Path(CONFIG_NAME) if Path(CONFIG_NAME).is_file() else None
    if problem := file_problem(asked):
        raise SettingsError(f"{by} = {asked}: {problem}")
    return asked


def _variables(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the settings in variables, whose names may be written in any case. An empty variable sets nothing.

    pydantic-settings could read them too, but importing it takes an eighth of a command's start.
    """
    values = {name.upper(): value for name, value in environment.items() if value}
    return {name: values[key] for name in Settings.model_fields if (key := PREFIX + name.upper()) in values}


def _without_rules(given: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if name not in _RULES}


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    known = {name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE.removeprefix(PREFIX)}
    for name in sorted(environment):
        short = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and short not in known and not name.startswith(_TEST_PREFIX):
            yield f"{_assigned(name, environment[name])}: no such setting{_meant(short, known, PREFIX)}"


def _problem(details: ErrorDetails, sources: Mapping[str, str], given: Mapping[str, object]) -> list[str]:
    """Return one line for a wrong setting, or one line per contradiction between settings."""
    message = details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if not details["loc"]:
        return [_with_sources(line, sources, given) for line in message.split("\n")]
    name = str(details["loc"][0])
    if name == "rule_settings" and len(details["loc"]) > 1:
        return [_problem_of_a_rule(details, message, sources[name])]
    if details["type"] == "extra_forbidden":
        assigned = _assigned(name, details["input"])
        return [f"{assigned} ({sources[name]}): no such setting{_meant(name, Settings.model_fields)}"]
    assigned = _assigned(name, details["input"])
    return [f"{assigned} ({sources.get(name, 'default')}): {message[0].lower()}{message[1:]}"]


def _problem_of_a_rule(details: ErrorDetails, message: str, source: str) -> str:
    """Return the line for a wrong value in a ``[rule_settings."ID"]`` table."""
    _, rule_id, *names = map(str, details["loc"])
    table = f'rule_settings."{rule_id}"'
    if not names:
        return f'{table} = {details["input"]!r} ({source}): write a table: [rule_settings."ID"]'
    assigned = f"{table}.{names[0]} = {_shown(details['input'])} ({source})"
    if details["type"] == "extra_forbidden":
        return f"{assigned}: no such setting of a rule{_meant(names[0], RuleSettings.model_fields)}"
    return f"{assigned}: {message[0].lower()}{message[1:]}"


def _with_sources(line: str, sources: Mapping[str, str], given: Mapping[str, object]) -> str:
    """Return a contradiction's line with the values and the sources of the settings that it starts with."""
    names, colon, rest = line.partition(":")
    shown = [
        f"{_assigned(name, given[name])} ({sources[name]})" if name in given else name for name in names.split(", ")
    ]
    return f"{', '.join(shown)}{colon}{rest}"


def _assigned(name: str, value: object) -> str:
    """Return a setting with its value, unless the value may hold a secret: a misspelt name may be a password's."""
    known = name in Settings.model_fields
    is_secret = "@" in str(value) if known else any(word in name.lower() for word in _SECRETS)
    return name if is_secret or isinstance(value, dict) else f"{name} = {_shown(value)}"


def _shown(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return repr(text) if isinstance(value, str) else text


def _meant(name: str, known: Collection[str], prefix: str = "") -> str:
    """Return what is allowed. Names are compared without the prefix, because it would make all of them similar."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    return f"; known are {', '.join(prefix + each for each in sorted(known))}"
