from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from streams.commands.terminal.alert_table import table

SAMPLE = json.loads((Path(__file__).parents[2] / "wire" / "samples" / "alert.json").read_text(encoding="utf-8"))


def shown(alert: dict[str, object], columns: int) -> str:
    """The table's text without the blanks that its layout puts in."""
    console = Console(width=columns, color_system=None)
    with console.capture() as captured:
        console.print(table([alert]))
    return "".join(captured.get().split())


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_nothing_is_cut_off(columns: int) -> None:
    """At any width of a terminal the table shows the whole principal."""
    assert SAMPLE["principal"]["arn"].replace(" ", "") in shown(SAMPLE, columns)


def test_the_reason_does_not_repeat_the_principal() -> None:
    """The principal is shown once, above the rest of the sentence that starts with it."""
    arn = SAMPLE["principal"]["arn"]
    alert = SAMPLE | {"reason": f"{arn} took root on 222222222222 for the first time"}
    assert shown(alert, 200).count(arn) == 1
    assert "tookrooton222222222222forthefirsttime" in shown(alert, 200)


def test_an_attacker_cannot_steer_the_terminal() -> None:
    """Escape sequences and line ends in an alert's values are shown as text."""
    alert = SAMPLE | {"reason": "\x1b[2Jgone\r\n"}
    assert "\\x1b[2Jgone\\r\\n" in shown(alert, 120)


def test_alerts_that_come_later_stand_below() -> None:
    """Tables of one alert each, all but the first without a heading, have the columns of one table, for any content."""
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(table([SAMPLE]))
        console.print(table([SAMPLE | {"reason": "short"}], heading=False))
    lines = captured.get().splitlines()
    starts = [line.index(SAMPLE["principal"]["arn"]) for line in lines if SAMPLE["principal"]["arn"] in line]
    assert len(starts) == 2
    assert len(set(starts)) == 1
    assert sum("severity" in line for line in lines) == 1
