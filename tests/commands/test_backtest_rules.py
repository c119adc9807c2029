"""``rootwatch backtest`` with several rules: summary, report and alerts tell each apart (U13)."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from replay_records import ALICE, Ran, lines, record, run

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<script>alert(1)</script>\u202e"
RULE = """
id = "{id}"
name = "{name}"
version = 1
severity = "high"
risk_score = 60
window = "10d"
query = "event.action: (CreateUser or CreateRole)"
terms = {terms}
"""


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.toml").write_text(
        RULE.format(id="one", name="An action that is new", terms='["event.action"]')
        + 'description = "Watches the creation of users and roles."\n'
    )
    (tmp_path / "two.toml").write_text(
        RULE.format(id="two", name="A user that is new in an account", terms='["user.name", "cloud.account.id"]')
    )
    (tmp_path / "in.jsonl").write_text(lines(*RECORDS))
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", "in.jsonl", *arguments)


def created(minute: int, name: str = "alice", action: str = "CreateUser") -> dict[str, Any]:
    """A call of IAM by a user of this name; one without a name if it is empty."""
    identity = {"type": "IAMUser", "arn": ALICE, "accountId": "111111111111", "userName": name}
    return record(
        f"2026-01-01T00:{minute:02d}:00Z",
        eventSource="iam.amazonaws.com",
        eventName=action,
        eventID=f"{action}-{minute}",
        userIdentity={key: value for key, value in identity.items() if value},
        requestParameters={"userName": "new"},
        responseElements=None,
    )


RECORDS = [
    created(1),
    created(2),
    created(3, EVIL),
    created(4, action="CreateRole"),
    created(5, ""),
    record("2026-01-01T01:00:00Z"),
]
SEVERAL = ("--rule", "one.toml", "--rule", "two.toml", "--rule", "shipped:aws-sts-assume-root-rare-pair")


def test_summary_has_a_line_per_rule(backtest: Backtest) -> None:
    """U13: what each rule decided, what gave no event and why, and the busiest values with their rule."""
    ran = backtest(*SEVERAL)
    assert ran.code == 0
    assert [(alert["rule"]["id"], alert["event"]["id"]) for alert in ran.alerts[:4]] == [
        ("one", "CreateUser-1"),
        ("two", "CreateUser-1"),
        ("two", "CreateUser-3"),
        ("one", "CreateRole-4"),
    ]
    said = ran.err.splitlines()
    assert [line for line in said if line.startswith(("rule ", "no event"))] == [
        "no event     two: 1 without user.name",
        "rule         aws-sts-assume-root-rare-pair: sightings 1, alerts 1, overflow 0, known 0, learned 0, excepted 0",
        "rule         one: sightings 5, alerts 2, overflow 0, known 3, learned 0, excepted 0",
        "rule         two: sightings 4, alerts 2, overflow 0, known 2, learned 0, excepted 0",
    ]
    assert "busiest      4 sightings of one by CreateUser" in said


def test_summary_of_one_rule_names_no_rule(backtest: Backtest) -> None:
    """With one rule there is nothing to tell apart; what gave no event is said."""
    ran = backtest("--rule", "two.toml")
    said = ran.err.splitlines()
    assert "no event     1 without user.name" in said
    assert not [line for line in said if line.startswith("rule ")]
    assert "busiest      3 sightings by alice" in said


class Page(HTMLParser):
    """The text of the page, its headings, and its elements' ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.text = ""
        self._tag = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self._tag = tag
        self.names.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.labels += [given["aria-labelledby"] or ""] if "aria-labelledby" in given else []

    def handle_data(self, data: str) -> None:
        """Collect text, but not the style sheet."""
        if self._tag != "style":
            self.text += data
        if self._tag in {"h2", "h3"} and data.strip():
            self.headings.append(data.strip())


@pytest.fixture
def page(backtest: Backtest, tmp_path: Path) -> Page:
    """The report of three rules, with values that an attacker chose."""
    assert backtest(*SEVERAL, "--report", "r.html").code == 0
    return Page((tmp_path / "r.html").read_text(encoding="utf-8"))


def test_report_has_a_part_per_rule(page: Page) -> None:
    """Each rule has its texts, its counts and what was seen of its terms; alerts say their rule and terms."""
    assert [heading for heading in page.headings if heading.endswith(("that is new", "in an account"))] == [
        "An action that is new",
        "A user that is new in an account",
    ]
    assert "Watches the creation of users and roles." in page.text
    for heading in ("event.action", "user.name by cloud.account.id", "Principals by member accounts"):
        assert heading in page.headings
    assert "1 without user.name" in page.text
    assert "user.name: alice, cloud.account.id: 111111111111" in page.text
    for number in ("sightings 5, alerts 2", "sightings 4, alerts 2"):
        assert number in " ".join(page.text.split())


def test_report_of_several_rules_is_safe_and_accessible(page: Page) -> None:
    """Values are escaped, ids are unique, and each label names an element that is there."""
    assert "script" not in page.names
    assert "<script>alert(1)</script>" in page.text
    assert "\u202e" not in page.text
    assert len(page.ids) == len(set(page.ids))
    assert set(page.labels) <= set(page.ids)


def test_report_follows_sessions_of_root_alone(page: Page) -> None:
    """Only an alert of a rule that grants root is said to have no session to follow."""
    assert page.text.count("no session can be followed") <= 1
    assert json.dumps(page.headings).count("Root sessions") == 1


def test_a_report_shows_alerts_of_each_rule(
    backtest: Backtest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page is bounded, and a rule with many alerts leaves room for the others."""
    monkeypatch.setattr("streams.backtest.results.page.report.ALERTS_SHOWN", 3)
    backtest(*SEVERAL, "--report", "r.html")
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert page.names.count("article") == 3
    assert "The first 3 of 5" in page.text
