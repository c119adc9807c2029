from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.errors import UsageError
from streams.notices.sending.addresses import Address, read_addresses

if TYPE_CHECKING:
    from pathlib import Path


def test_where_urls_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs come from arguments, files and variables, each once, with a name that says nothing secret."""
    held = tmp_path / "urls"
    held.write_text("# on call\npagerduty://a@b\n\n  slack://A/B/C  \n", encoding="utf-8")
    more = tmp_path / "more"
    more.write_text("json://h/x", encoding="utf-8")
    monkeypatch.setenv("PAGER", "mailto://u:p@h\nslack://A/B/C")
    found = read_addresses(["json://h/x", f"file:{held}", "env:PAGER"], [more])
    assert [(address.url, address.name, address.source) for address in found] == [
        ("json://h/x", "json-1", "argument 1"),
        ("pagerduty://a@b", "pagerduty-2", f"file {held}"),
        ("slack://A/B/C", "slack-3", f"file {held}"),
        ("mailto://u:p@h", "mailto-4", "variable PAGER"),
    ]


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("file:/nowhere/at-all", "/nowhere/at-all: cannot be read: No such file"),
        ("env:NOWHERE", "env:NOWHERE: there is no such variable"),
        ("s3cret", "argument 1: line 1 is no URL"),
        ("", "argument 1: holds no URL"),
    ],
)
def test_what_holds_no_url(argument: str, text: str) -> None:
    """What gives no URL is named, and what it says instead is not shown: it may be a secret."""
    with pytest.raises(UsageError) as raised:
        read_addresses([argument])
    assert str(raised.value).startswith(text)
    assert "s3cret" not in str(raised.value)


def test_ids() -> None:
    """A URL's id is the same in every run and of another URL another; it is short, and no part of the URL."""
    first, other = (Address(url, "json-1", "argument 1") for url in ("json://h/x", "json://h/y"))
    assert len(bytes.fromhex(first.id)) == 4
    assert first.id == Address("json://h/x", "json-9", "file y").id != other.id
