"""The README matches the settings, commands and files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from streams.commands.main import COMMANDS
from streams.settings import Settings
from streams.settings.document import shown_default

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_settings_have_their_defaults() -> None:
    """The table has about ten rows, each with a setting and its default."""
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| ", README, re.MULTILINE)
    assert rows == [(name, shown_default(name)) for name, _ in rows]
    assert 8 <= len(rows) <= 12


def test_every_command_is_there() -> None:
    """Each command is in an example, and each example has a command that exists."""
    lines = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    shown = {found[1] for line in lines if (found := re.match(r"rootwatch ([a-z-]+)", line))}
    assert shown == set(COMMANDS)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_path_is_there(name: str) -> None:
    """The target of each link into the repository exists, and so does each path in backticks."""
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    paths = re.findall(r"`((?:streams|tests|schemas|docs|bench)/[\w./-]*)`", text)
    assert [path for path in links + paths if not (ROOT / path).exists()] == []


def test_settings_of_the_example() -> None:
    """The TOML example is valid as written."""
    (settings,) = [block for kind, block in BLOCKS if kind == "toml"]
    assert Settings.model_validate(tomllib.loads(settings)).replication_factor == 3


def test_exceptions_of_the_guide(tmp_path: Path) -> None:
    """The exceptions that the README links to are valid as written."""
    guide = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (exceptions,) = [block for block in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL) if "[[exception]]" in block]
    (tmp_path / "exceptions.toml").write_text(exceptions)
    options = Settings.model_validate({"exceptions": tmp_path / "exceptions.toml"})
    assert [entry.reason for entry in options.load_exceptions()] == ["the nightly audit; owner: platform team"]


def test_it_fits_a_screen_and_a_half() -> None:
    """The README stays short: content for one kind of reader has its own document."""
    assert len(README.splitlines()) <= 130
