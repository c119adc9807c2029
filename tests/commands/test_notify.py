from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from notice_servers import web_server

from streams.commands.operate.notify import notify
from streams.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

URL = "json://127.0.0.1:9/s3cret"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"urls": None}, "notify: no URL is given"),
        ({"severity": "red"}, "--severity = 'red': must be one of low, medium, high, critical"),
        ({"min_risk": 101}, "--min-risk = 101: must be between 0 and 100"),
        ({"start": "yesterday"}, "--from = 'yesterday': "),
        ({"give_up_after": "soon"}, "--give-up-after = 'soon': "),
        ({"urls": ["nothing://s3cret"]}, "nothing-1 (argument 1): Apprise cannot use this URL"),
        ({"urls": ["file:/nowhere/at-all"]}, "/nowhere/at-all: cannot be read"),
    ],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], text: str) -> None:
    """Wrong usage is exit 2, and names the option, its value and what is allowed, and never a URL."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as raised:
        notify(**{"urls": [URL]} | options)
    assert str(raised.value).startswith(text)
    assert "s3cret" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_test_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--test sends one notice to each service and says what each answers; exit 1 if one does not take it."""
    monkeypatch.chdir(tmp_path)
    with web_server() as taking, web_server() as refusing:
        refusing.decide = lambda _: 403
        notify([taking.url], test=True)
        with pytest.raises(typer.Exit) as raised:
            notify([taking.url, refusing.url], test=True)
    assert raised.value.exit_code == 1
    assert capsys.readouterr().out == "json-1: accepted\njson-1: accepted\njson-2: HTTP 403\n"
    assert [request.document["title"] for request in taking.accepted] == ["[low] Test of rootwatch's notices"] * 2
