"""``rootwatch alerts --format``: what is refused before anything is read."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from streams.commands.main import app
from streams.errors import UsageError


@pytest.mark.parametrize("name", ["ecs", "ocsf"])
def test_json_contradicts_another_format(name: str) -> None:
    """``--json`` is ``--format native``: another format beside it is wrong usage, with the fix."""
    done = CliRunner().invoke(app, ["alerts", "--json", "--format", name])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == (
        f"--json is --format native, which --format {name} contradicts; leave one of them out"
    )


def test_an_unknown_format_is_named() -> None:
    """An unknown format is wrong usage that lists the formats."""
    done = CliRunner().invoke(app, ["alerts", "--format", "cef"])
    assert done.exit_code == 2
    assert all(name in done.output for name in ("native", "ecs", "ocsf"))
