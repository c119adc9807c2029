"""``rootwatch backtest``: two rules or variants side by side, alerts per day, and budgets (U13)."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from replay_records import ALICE, Ran, lines, record, run

if TYPE_CHECKING:
    from pathlib import Path

ID = "aws-sts-assume-root-rare-pair"
VARIANT = f"{ID}.variant"
BOB = ALICE.replace("alice", "bob")
RULE = """
id = "{id}"
name = "{id}"
version = 1
severity = "high"
risk_score = 60
window = "10d"
query = "{query}"
terms = {terms}
"""
EVIL = "arn:aws:iam::111111111111:user/<script>alert(1)</script>"


class Backtest(Protocol):
    """Runs the command on records with options."""

    def __call__(self, records: list[dict[str, Any]], *options: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    for rule_id, query, terms in (
        ("by-user", "event.action: AssumeRoot", '["user.name"]'),
        ("by-address", "event.action: AssumeRoot", '["source.ip", "user.name"]'),
        ("other", "event.action: CreateUser", '["user.name"]'),
    ):
        (tmp_path / f"{rule_id}.toml").write_text(RULE.format(id=rule_id, query=query, terms=terms))

    def backtest(records: list[dict[str, Any]], *options: Any) -> Ran:
        (tmp_path / "in.jsonl").write_text(lines(*records))
        return run(capsysbinary, monkeypatch, "backtest", "in.jsonl", *options)

    return backtest


def on(day: int, principal: str = ALICE, **fields: Any) -> dict[str, Any]:
    return record(f"2026-01-{day:02d}T00:00:00Z", principal, **{"eventID": f"{principal}-{day}", **fields})


def said(ran: Ran, *starts: str) -> list[str]:
    """The lines on stderr from the first that starts so, with what is indented below it."""
    found: list[str] = []
    for line in ran.err.splitlines():
        if line.startswith(starts) or (found and line.startswith("  ") and not line.startswith("     ")):
            found.append(line)
        elif found:
            break
    return found


SEEN_AGAIN = [on(1), on(9), on(15), on(30)]


def test_a_variant_is_decided_beside_its_rule(backtest: Backtest) -> None:
    """U13: which events both alert on, and which only one, with the reason of the other."""
    ran = backtest(SEEN_AGAIN, "--variant", "window=7d")
    assert ran.code == 0
    assert said(ran, "what-if") == [
        f"what-if      2 events in both, 0 only {ID}, 1 only {VARIANT}",
        f"  only {VARIANT}, and why not {ID}:",
        f"    2026-01-09T00:00:00.000Z {ALICE} on 222222222222 (event {ALICE}-9): these terms are known",
    ]
    assert [(alert["rule"]["id"], alert["event"]["time"][8:10]) for alert in ran.alerts] == [
        (ID, "01"),
        (VARIANT, "01"),
        (VARIANT, "09"),
        (ID, "30"),
        (VARIANT, "30"),
    ]
    assert "alerts       2 (low first 1, low returned 1)" in ran.err


def test_the_rule_of_a_variant_says_what_it_says_alone(backtest: Backtest) -> None:
    """U13: a variant changes no alert of its rule, and the same values change nothing."""
    alone = backtest(SEEN_AGAIN).alerts
    beside = backtest(SEEN_AGAIN, "--variant", "window=10d", "--variant", "max_alerts=100").alerts
    assert [alert for alert in beside if alert["rule"]["id"] == ID] == alone
    assert len(beside) == 2 * len(alone)


def test_an_exception_of_the_rule_is_one_of_its_variant(backtest: Backtest, tmp_path: Path) -> None:
    """M7: an exception that names the rule holds for the variant; one that names another rule holds for neither."""
    (tmp_path / "exceptions.toml").write_text(
        f'[[exception]]\nrule = "{ID}"\nprincipal = "*bob"\n[[exception]]\nrule = "*.variant"\nprincipal = "*alice"\n'
    )
    ran = backtest([on(1), on(1, BOB)], "--variant", "window=7d", "--exceptions", "exceptions.toml")
    assert [alert["principal"]["arn"] for alert in ran.alerts] == [ALICE, ALICE]


def test_two_rules_are_compared_per_event(backtest: Backtest) -> None:
    """U13: rules with other terms say the same if they alert on the same event; what a rule does not take is said."""
    again = on(3, sourceIPAddress="198.51.100.1")
    create = on(4, eventName="CreateUser", eventSource="iam.amazonaws.com", responseElements=None)
    ran = backtest([on(1), again, create], "--rule", "by-user.toml", "--rule", "by-address.toml")
    assert said(ran, "what-if") == [
        "what-if      1 event in both, 1 only by-address, 0 only by-user",
        "  only by-address, and why not by-user:",
        (
            f"    2026-01-03T00:00:00.000Z source.ip: 198.51.100.1, user.name: alice by {ALICE} (event {ALICE}-3): "
            "these terms are known"
        ),
    ]
    ran = backtest([on(1), create], "--rule", "by-user.toml", "--rule", "other.toml")
    assert said(ran, "what-if")[0] == "what-if      0 events in both, 1 only by-user, 1 only other"
    assert ran.err.count("it does not take the event") == 2


def test_rules_are_compared_only_if_they_are_two(backtest: Backtest) -> None:
    """One rule, or three, are no pair."""
    three = [option for name in ("by-user", "by-address", "other") for option in ("--rule", f"{name}.toml")]
    for options in ((), three):
        assert "what-if" not in backtest([on(1)], *options).err


def test_alerts_per_day_and_principal_are_said(backtest: Backtest) -> None:
    """U13: one sees before turning a rule on how loud it will be; alerts above the cap are not counted."""
    records = [on(1), *(on(3, f"{ALICE}{n}") for n in range(4)), on(10, account="333333333333")]
    ran = backtest(records)
    assert said(ran, "per day") == [
        "per day      6 alerts on 3 of 10 days, most on 2026-01-03: 4",
        f"  2 alerts by {ALICE}",
        f"  1 alert by {ALICE}0",
        f"  1 alert by {ALICE}1",
        "  … and by 2 more principals",
    ]
    accounts = [on(1, account=f"{n:012d}", eventID=f"{n}") for n in range(3)]
    assert "per day      2 alerts on 1 of 1 day, most on 2026-01-01: 2" in backtest(accounts, "--max-alerts", "2").err


BURST = [on(1), *(on(20, f"{ALICE}{n}") for n in range(4))]


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--budget", "4/day"], 0, []),
        (["--budget", "3/day"], 1, [f"over budget  {ID}: 2026-01-20: 4 alerts, 1 more than 3/day"]),
        (["--budget", "0/day", "--budget", f"{ID}=4/day"], 0, []),
        (["--budget", f"{ID}=3/day", "--learn-until", "2026-01-20T00:00:00Z"], 0, []),
        (
            ["--budget", "4/day", "--budget", f"{VARIANT}=2/day", "--variant", "window=7d"],
            1,
            [f"over budget  {VARIANT}: 2026-01-20: 4 alerts, 2 more than 2/day"],
        ),
    ],
)
def test_a_rule_over_its_budget_exits_1(backtest: Backtest, options: list[str], code: int, expected: list[str]) -> None:
    """U13: a budget is per rule and UTC day; stderr says which rule, which day and how many."""
    ran = backtest(BURST, *options)
    assert ran.code == code
    assert said(ran, "over budget") == expected


def test_first_days_over_budget_come_with_what_helps(backtest: Backtest) -> None:
    """A replay begins with an empty memory: over budget within the first window, that is said."""
    ran = backtest([on(1), on(1, BOB)], "--budget", "1/day")
    assert ran.code == 1
    assert "--learn-until" in said(ran, "over budget")[-1]


def test_counts_are_written_as_json(backtest: Backtest, tmp_path: Path) -> None:
    """U13: the file has alerts per day and principal, the budget, the days over it, and what only one rule says."""
    backtest([*SEEN_AGAIN, on(30, BOB)], "--variant", "window=7d", "--budget", "1/day", "--counts", "counts.json")
    counts = json.loads((tmp_path / "counts.json").read_text())
    rule, variant = counts["rules"]
    assert counts["days"] == 30
    assert rule == {
        "rule_id": ID,
        "alerts": 3,
        "overflow": 0,
        "per_day": {"2026-01-01": 1, "2026-01-30": 2},
        "per_principal": [{"principal": ALICE, "alerts": 2}, {"principal": BOB, "alerts": 1}],
        "budget_per_day": 1,
        "over_budget": [{"day": "2026-01-30", "alerts": 2}],
    }
    assert (variant["rule_id"], variant["alerts"]) == (VARIANT, 4)
    only = counts["what_if"]["only"]
    assert (counts["what_if"]["both"], [side["events"] for side in only]) == (3, [0, 1])
    assert only[1]["first"] == [
        {
            "time": "2026-01-09T00:00:00.000Z",
            "event_id": f"{ALICE}-9",
            "principal": ALICE,
            "terms": f"{ALICE} on 222222222222",
            "why_not": "these terms are known",
        }
    ]


def test_counts_without_sightings_are_whole(backtest: Backtest, tmp_path: Path) -> None:
    """A rule that says nothing is within its budget and in the counts."""
    assert backtest([], "--budget", "0/day", "--counts", "counts.json").code == 0
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert (counts["days"], counts["rules"][0]["alerts"], counts["what_if"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--variant", "window=9"], "--variant window=9: '9' is not a duration"),
        (["--variant", "window=0s"], "--variant window=0s: write window, forget_after or learn with a duration"),
        (["--variant", "severity=high"], "--variant severity=high: write window, forget_after or learn"),
        (["--variant", "max_alerts=10001"], "a number up to 10000"),
        (["--variant", "window=500d"], "forget_after 400d is shorter than the window 500d: change both"),
        (["--variant", "window=7d", "--rule", "by-user.toml", "--rule", "other.toml"], "name one with --rule"),
        (["--variant", "window=7d", "--compare", "rootwatch.alerts"], "--variant and --compare"),
        (["--budget", "5"], "--budget 5: write alerts per day, such as 5/day"),
        (["--budget", "-1/day"], "--budget -1/day: write alerts per day"),
        (["--budget", "none=5/day"], f"--budget none=5/day: no rule of this id runs; those that run are {ID}"),
        (["--counts", "in.jsonl"], "--counts in.jsonl: it is also an input"),
    ],
)
def test_what_is_no_variant_or_budget_is_wrong_usage(backtest: Backtest, options: list[str], message: str) -> None:
    """Exit 2, with the value and what is allowed, before anything is read."""
    ran = backtest([on(1)], *options)
    assert (ran.code, ran.out) == (2, b"")
    assert message in ran.err


class Page(HTMLParser):
    """The text of a page, and its elements' names and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def test_report_shows_rules_side_by_side(backtest: Backtest, tmp_path: Path) -> None:
    """U13: alerts per day and principal of both, the budget, and what only one says; values are text alone."""
    records = [*SEEN_AGAIN, on(30, EVIL), on(9, EVIL, eventID="<b>")]
    options = ["--variant", "window=7d", "--budget", "1/day", "--report", "r.html"]
    assert backtest(records, *options).code == 1
    page = Page((tmp_path / "r.html").read_text())
    text = " ".join(page.text.split())
    for words in ("How loud it will be", "Per day", "Per principal", "What only one of them says", f"Only {VARIANT}"):
        assert words in text
    for words in ("3 of 30", "2026-01-30: 2", "1/day", "these terms are known", f"why {ID} does not alert", "<b>"):
        assert words in text
    assert not {"script", "b"} & set(page.names)
    assert len(page.ids) == len(set(page.ids))


def test_report_is_bounded(backtest: Backtest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the loudest days and principals are shown, with the number of those left out."""
    monkeypatch.setattr("streams.backtest.results.loudness.shown.DAYS_SHOWN", 2)
    monkeypatch.setattr("streams.backtest.results.loudness.shown.PRINCIPALS_SHOWN", 3)
    backtest([on(day, f"{ALICE}{day}") for day in range(1, 9)], "--report", "r.html")
    text = Page((tmp_path / "r.html").read_text()).text
    assert "6 more days are not" in text
    assert "5 more principals are not" in text


def test_an_unknown_tuple_is_told_in_summary_and_report(backtest: Backtest, tmp_path: Path) -> None:
    """U11: what is new to a full memory has a line of its own, is above the cap in the output, and is on the page."""
    (tmp_path / "full.toml").write_text(f'[rule_settings."{ID}"]\nmax_entries = 1\n')
    several = ("--rule", f"shipped:{ID}", "--rule", "other.toml")
    ran = backtest([on(1), on(2, BOB)], "--config", "full.toml", *several)
    assert f"rule         {ID}: sightings 2, alerts 1, overflow 0, known 0, learned 0, excepted 0, unknown 1" in ran.err
    ran = backtest([on(1), on(2, BOB)], "--config", "full.toml", "--report", "r.html")
    assert "unknown      1" in ran.err.splitlines()
    assert [(alert["novelty"]["kind"], alert.get("overflow", False)) for alert in ran.alerts] == [
        ("first", False),
        ("unknown", True),
    ]
    assert "new to a full memory1" in Page((tmp_path / "r.html").read_text()).text
