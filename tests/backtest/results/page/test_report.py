"""The report: complete, self-contained, safe against the values of records, and the same for the same replay."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_records import ALICE, Ran, lines, record, run

from streams.backtest.results.page.histogram import MOST_COLUMNS, WIDTHS, Histogram

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "arn:aws:iam::111111111111:user/<script>alert(1)</script>\"'&\u202e\x1b"
VOID = {"meta", "link", "br", "img", "input", "hr", "path", "rect"}


class Page(HTMLParser):
    """A parser of the page: its elements, its text, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; it is open until its end."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text, but not the style sheet."""
        if self.open[-1:] != ["style"]:
            self.text += data

    def count(self, tag: str) -> int:
        """The number of elements with a name."""
        return sum(name == tag for name, _ in self.elements)


class Reported(Protocol):
    """Runs a backtest on records and returns its output and its page."""

    def __call__(self, *records: Any, options: list[str]) -> tuple[Ran, Page]:
        """Run it."""


@pytest.fixture
def reported(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reported:
    monkeypatch.chdir(tmp_path)

    def backtest(*records: Any, options: list[str]) -> tuple[Ran, Page]:
        (tmp_path / "in.jsonl").write_text(lines(*records))
        ran = run(capsysbinary, monkeypatch, "backtest", "in.jsonl", "--report", "r.html", *options)
        page = Page((tmp_path / "r.html").read_text())
        assert page.open == []
        return ran, page

    return backtest


def test_page_needs_nothing_and_forbids_itself_the_rest(reported: Reported) -> None:
    """One self-contained page: no script, no link, no address to load from, and a policy that forbids them."""
    _, page = reported(record("2026-01-01T00:00:00Z"), options=[])
    names = Counter(name for name, _ in page.elements)
    assert not names.keys() & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert all(not attributes.keys() & {"src", "href", "action", "onload"} for _, attributes in page.elements)
    policies = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [a for _, a in page.elements]


def test_page_shows_what_the_replay_found(reported: Reported) -> None:
    """Numbers, timeline, heat map, task policies, alerts with their reasons, and the options used are all there."""
    records = [record(f"2026-01-0{day}T00:00:00Z", account=f"{day:012d}") for day in range(1, 6)]
    ran, page = reported(
        *records, "not json", record("2026-01-06T00:00:00Z", eventID="capped"), options=["--window", "36h"]
    )
    assert (ran.code, len(ran.alerts)) == (0, 6)
    for alert in ran.alerts:
        assert alert["reason"] in page.text
        assert alert["alert_id"] in page.text
    for text in ("Over time", "Principals by member accounts", "By task policy", "Options used", "36h", "in.jsonl:6"):
        assert text in page.text
    assert ALICE in page.text
    assert "000000000005" in page.text
    assert "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy" in page.text


def test_alerts_above_the_cap_are_told_apart_in_words(reported: Reported) -> None:
    """A3: alerts above the cap are shown by text and by a pattern, not by colour alone."""
    records = [record("2026-01-01T00:00:00Z", account=f"{n:012d}") for n in range(3)]
    _, page = reported(*records, options=["--max-alerts", "1"])
    marked = [a for name, a in page.elements if name == "article" and "overflow" in (a["class"] or "")]
    assert len(marked) == 2
    assert page.text.count("above the cap") >= 2
    assert any(attributes.get("fill") == "url(#hatch)" for _, attributes in page.elements)


def test_values_of_records_are_text_and_nothing_else(reported: Reported) -> None:
    """Values of records are escaped: they make no elements, and control and direction characters are visible."""
    evil = record("2026-01-01T00:00:00Z", EVIL, eventID="<img src=x>", awsRegion="<b>", sourceIPAddress='"><i>')
    evil["requestParameters"]["taskPolicyArn"]["arn"] = "</table><h1>"
    _, harmless = reported(record("2026-01-01T00:00:00Z"), options=[])
    _, page = reported(evil, options=[])
    assert Counter(name for name, _ in page.elements) == Counter(name for name, _ in harmless.elements)
    assert "<script>alert(1)</script>" in page.text
    assert not {"\u202e", "\x1b"} & set(page.text)
    assert "\\u202e\\x1b" in page.text


def test_page_without_sightings_is_a_page(reported: Reported) -> None:
    """A replay that finds nothing says so."""
    ran, page = reported("not json", options=[])
    assert ran.code == 0
    assert "There were no sightings." in page.text


def test_same_replay_gives_the_same_page(reported: Reported, tmp_path: Path) -> None:
    """The page does not show the day on which it was made."""
    pages = set()
    for _ in range(2):
        reported(record("2026-01-01T00:00:00Z"), options=[])
        pages.add((tmp_path / "r.html").read_bytes())
    assert len(pages) == 1


def test_page_is_bounded(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some of many alerts, principals and accounts are shown, with the number of those left out."""
    monkeypatch.setattr("streams.backtest.results.page.report.ALERTS_SHOWN", 3)
    monkeypatch.setattr("streams.backtest.results.page.rule_part.FIRST_SHOWN", 2)
    monkeypatch.setattr("streams.backtest.results.page.rule_part.OTHERS_SHOWN", 2)
    records = [record(f"2026-01-0{n}T00:00:00Z", f"{ALICE}{n}", f"{n:012d}") for n in range(1, 8)]
    _, page = reported(*records, options=[])
    assert page.count("article") == 3
    assert "The first 3 of 7" in page.text
    assert "5 more principals and 5 more accounts" in page.text


@given(st.lists(st.tuples(st.integers(-(2**41), 2**45), st.sampled_from(["sighting", "alert"])), max_size=60))
def test_histogram_counts_all_in_few_columns(events: list[tuple[int, str]]) -> None:
    """For a span of any length every event is in one column, and the columns are few and without gaps."""
    histogram = Histogram()
    for time, kind in sorted(events):
        histogram.count(time, kind)
    columns = histogram.columns()
    width = histogram.width
    assert len(columns) <= MOST_COLUMNS or width == WIDTHS[-1]
    assert [column.start for column in columns] == [columns[0].start + n * width for n in range(len(columns))]
    assert sum((column.counts for column in columns), Counter()) == Counter(kind for _, kind in events)


def test_histogram_keeps_little_while_it_counts() -> None:
    """Ten years of minutes are counted in bounded memory."""
    histogram = Histogram()
    for day in range(3650):
        histogram.count(day * 86_400_000, "sighting")
        assert len(histogram._kept) <= 1_000  # noqa: SLF001  what is bounded shows nowhere else
    assert sum(column.counts["sighting"] for column in histogram.columns()) == 3650
