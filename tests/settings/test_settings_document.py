from __future__ import annotations

import inspect
import re
from pathlib import Path

from streams.settings import model
from streams.settings.document import GROUPS, document
from streams.settings.model import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
COMMAND = ".venv/bin/python -m streams.settings.document > docs/settings.md"


def test_page_is_current() -> None:
    """docs/settings.md is what the model says: every setting, in its order, with default, values and variable."""
    assert PAGE.read_text(encoding="utf-8") == document(), f"write the page again: {COMMAND}"


def test_every_setting_is_described() -> None:
    """Each setting has a description that begins with a capital letter and has no full stop, as a cell of a table."""
    descriptions = {name: field.description or "" for name, field in Settings.model_fields.items()}
    assert {name: text for name, text in descriptions.items() if not re.fullmatch(r"[A-Z].+[^.]", text)} == {}


def test_groups_are_those_of_the_model() -> None:
    """The page's groups begin where the model's comments begin them, under the same headings."""
    found = re.findall(r"^    # (.+)\n    (\w+): ", inspect.getsource(model), re.MULTILINE)
    assert {first: heading for heading, first in found} == GROUPS


def test_kinds_of_values() -> None:
    """A row says what may be written: choices, a kind with its bounds, or text; also where nothing is the default."""
    page = document()
    for row in (
        "| `window` | none | duration |",
        "| `max_alerts` | none | whole number, 0 to 10,000 |",
        "| `severity` | none | `low`, `medium`, `high`, `critical` |",
        "| `learn_until` | none | time |",
        "| `ssl_ca` | none | file |",
        "| `sasl_username` | none | text |",
        "| `partitions` | `8` | whole number, at least 1 |",
        "| `max_message_size` | `64MiB` | size |",
    ):
        assert row in page, row
