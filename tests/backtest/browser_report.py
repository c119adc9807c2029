"""The report in a real Chromium: ``make browser-test``. No part of ``make test``, which needs no browser.

Needs ``chromium`` and ``chromedriver`` on the path (Debian: apt install chromium chromium-driver).
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from replay_records import ALICE, lines, record, run
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from streams.backtest.results.page.rule_part import OTHERS_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHONE, DESK = (360, 740), (1280, 900)
PAPER = (718, 1047)  # of A4 at 96 pixels an inch, within margins of 1 cm
EVIL = (
    "arn:aws:iam::111111111111:user/<img src=x onerror=document.title='pwned'><script>document.title='pwned'</script>"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.fail("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)", pytrace=False)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"):
        options.add_argument(argument)
    for argument in ("--disable-background-networking", "--disable-component-update", "--disable-sync"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as chrome:
        yield chrome


@pytest.fixture
def page(
    browser: Any, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:
    """The browser with the report of a busy month on it."""
    monkeypatch.chdir(tmp_path)
    records = [
        record(f"2026-01-{day:02d}T{hour:02d}:00:00Z", who, f"{day % 9:012d}", eventID=f"{day}-{hour}-{who}")
        for day in range(1, 29)
        for hour, who in ((9, ALICE), (10, EVIL), (11, f"{ALICE}{day}"))
    ]
    keys = {day: f"ASIA{day}" for day in (3, 4)}
    for number, (day, key) in enumerate(keys.items()):
        records[number * 3]["responseElements"]["credentials"]["accessKeyId"] = key
        time, account = (
            f"2026-01-{number + 1:02d}T09:05:00Z",
            records[number * 3]["requestParameters"]["targetPrincipal"],
        )
        who = {"type": "Root", "accountId": account, "accessKeyId": key}
        done = {"eventName": EVIL, "eventSource": "s3.amazonaws.com", "requestParameters": {"bucketName": EVIL * day}}
        records.append(record(time, account=account, eventID=f"done-{day}", userIdentity=who, **done))
    burst = [record("2026-01-20T12:00:00Z", account=f"{n:012d}", eventID=f"burst-{n}") for n in range(40, 70)]
    (tmp_path / "in.jsonl").write_text(lines(*records, *burst))
    ran = run(capsysbinary, monkeypatch, "backtest", "in.jsonl", "--report", "r.html", "--max-alerts", 9)
    assert ran.code == 0
    browser.get_log("performance")  # what earlier pages asked for is read and gone
    browser.get((tmp_path / "r.html").as_uri())
    return browser


def ask(page: Any, script: str) -> Any:
    """The value of a JavaScript expression on the page."""
    return page.execute_script(f"return {script}")


def resize(page: Any, size: tuple[int, int]) -> None:
    """Show the page as a screen of this size would."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_page_fits_the_screen(page: Any, size: tuple[int, int]) -> None:
    """On a phone and on a desktop only the wide tables scroll, never the page, and text is large enough to read."""
    resize(page, size)
    assert ask(page, "document.documentElement.scrollWidth") <= size[0]
    assert ask(page, "parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    assert ask(page, "[...document.querySelectorAll('.alert')].every(e => e.getBoundingClientRect().width > 200)")


def test_paper_holds_all_that_the_screen_scrolls(page: Any) -> None:
    """In print the heat map fits a page, because paper does not scroll, and dark cells keep their shade."""
    resize(page, PAPER)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert ask(page, "document.querySelectorAll('.heat thead th').length") == OTHERS_SHOWN + 1
        assert ask(page, "document.querySelector('.heat').getBoundingClientRect().right") <= PAPER[0]
        assert ask(page, "getComputedStyle(document.querySelector('td.cell')).printColorAdjust") == "exact"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_timeline_is_drawn_and_told_without_colour(page: Any) -> None:
    """Bars have height; sightings, alerts and overflow differ in lightness and pattern, in shades of grey only."""
    heights = ask(page, "[...document.querySelectorAll('.timeline g rect')].map(e => e.getBoundingClientRect().height)")
    assert len(heights) > 28
    assert min(heights) > 0
    fills = set(ask(page, "[...document.querySelectorAll('.timeline g rect')].map(e => e.getAttribute('fill'))"))
    assert fills == {"#fff", "#111", "url(#hatch)"}
    colours = ask(page, "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).backgroundColor)")
    for colour in set(colours) - {"rgba(0, 0, 0, 0)"}:
        red, green, blue = json.loads(f"[{colour[4:-1]}]")
        assert red == green == blue


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_line_of_a_session_is_drawn_within_its_alert(page: Any, size: tuple[int, int]) -> None:
    """S13: the line of time is as wide as its alert's text, and each mark lies on it."""
    resize(page, size)
    boxes = "[...document.querySelectorAll('.session-line')].map(e => [e, ...e.querySelectorAll('path')])"
    lines = ask(
        page, f"{boxes}.map(all => all.map(e => e.getBoundingClientRect()).map(r => [r.left, r.right, r.height]))"
    )
    assert sum(len(line) > 1 for line in lines) == 2
    for (left, right, _), *marks in lines:
        assert 200 < right - left <= size[0]
        assert all(left - 5 <= mark[0] and mark[1] <= right + 5 and mark[2] > 5 for mark in marks)


def test_shaded_cells_can_be_read(page: Any) -> None:
    """Numbers stand out from every shade of the heat map by WCAG's contrast of 4.5."""
    cells = "[...document.querySelectorAll('td.cell')]"
    pairs = ask(page, f"{cells}.map(e => getComputedStyle(e)).map(s => [s.color, s.backgroundColor])")
    for pair in pairs:
        dark, light = sorted(_luminance(colour) for colour in pair)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_nothing_of_a_record_runs_and_nothing_is_loaded(page: Any) -> None:
    """Values of records stay text: no script ran, no element was made, and no address was requested."""
    assert ask(page, "document.title") == "rootwatch backtest: AWS STS AssumeRoot by Rare User and Member Account"
    assert ask(page, "document.querySelectorAll('img, script').length") == 0
    assert EVIL in ask(page, "document.body.textContent")
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requests = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    asked = {one["request"]["url"] for one in requests if one["documentURL"].endswith("/r.html")}  # not Chromium's own
    assert asked == {page.current_url}
    assert page.get_log("browser") == []


def _luminance(colour: str) -> float:
    """WCAG's relative luminance of a computed colour; transparent counts as the white page."""
    if colour == "rgba(0, 0, 0, 0)":
        return 1.0
    channels = [value / 255 for value in json.loads(f"[{colour[4:-1]}]")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
