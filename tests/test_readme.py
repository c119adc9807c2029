"""The README is held to what is there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams.commands.main import COMMANDS
from streams.settings import Settings
from streams.settings.values import parse_duration, parse_size
from streams.wire import alert as wire

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
PARSERS = {
    "session_timeout": parse_duration,
    "forget_after": parse_duration,
    "max_record_size": parse_size,
    "max_message_size": parse_size,
}


def written(setting: str, default: str) -> Any:
    """What the table's default means."""
    if default == "none":
        return None
    return PARSERS.get(setting, str)(default.strip("`"))


def meant(setting: str) -> Any:
    """The setting's default, as far as the table can say it."""
    default = Settings.model_fields[setting].default
    if isinstance(default, tuple):
        return ",".join(default) or None
    return default if default is None or setting in PARSERS else str(default)


def test_every_setting_is_there_with_its_default() -> None:
    """The table of settings has each setting, in order, with its default."""
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| ", README, re.MULTILINE)
    rows = [row for row in rows if row[0] in Settings.model_fields]
    assert [name for name, _ in rows] == list(Settings.model_fields)
    assert {name: written(name, default) for name, default in rows} == {name: meant(name) for name, _ in rows}


def test_every_command_is_there() -> None:
    """Each command of the command line is in an example, and each example is of a command."""
    lines = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    shown = {found[1] for line in lines if (found := re.match(r"rootwatch ([a-z-]+)", line))}
    assert shown == set(COMMANDS)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_path_is_there(name: str) -> None:
    """Each link into the repository leads somewhere, and each path that is named in backticks exists."""
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    paths = re.findall(r"`((?:streams|tests|schemas|docs|bench)/[\w./-]*)`", text)
    assert [path for path in links + paths if not (ROOT / path).exists()] == []


def test_settings_and_exceptions_of_the_examples(tmp_path: Path) -> None:
    """The TOML examples are accepted as they stand."""
    tables = [block for kind, block in BLOCKS if kind == "toml"]
    (exceptions,) = [table for table in tables if "[[exception]]" in table]
    (tmp_path / "exceptions.toml").write_text(exceptions)
    options = Settings.model_validate({"exceptions": tmp_path / "exceptions.toml"})
    assert [entry.reason for entry in options.load_exceptions()] == ["the nightly audit; owner: platform team"]
    (settings,) = [table for table in tables if table != exceptions]
    assert Settings.model_validate(tomllib.loads(settings)).replication_factor == 3


def test_reading_alerts_without_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short reader shows an alert of this version."""
    sample = json.loads((ROOT / "tests/wire/samples/alert.json").read_text(encoding="utf-8"))
    (reader,) = [block for kind, block in BLOCKS if kind == "python" and "fastavro" in block]
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(reader, names)  # noqa: S102  the project's own document
    assert names["read"](wire.encode(sample))["alert_id"] == sample["alert_id"]
