"""Three rules of one, two and three terms and different windows, and records that they take: for the broker's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from worker_process import assume_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
QUERY = 'event.provider: "iam.amazonaws.com" and event.action: (CreateUser or DeleteUser) and not errorCode: *'
RULES = {
    "one": ('["user.name"]', "1d"),
    "two": ('["cloud.account.id", "user.name"]', "10d"),
    "three": ('["user.name", "event.action", "source.ip"]', "3d"),
}


def rule_text(rule_id: str, *, query: str = QUERY, more: str = "") -> str:
    """The text of one of the rules; each is exact (no refresh)."""
    terms, window = RULES[rule_id]
    return (
        f'id = "{rule_id}"\nname = "{rule_id}"\nversion = 1\nseverity = "low"\nrisk_score = 1\n'
        f"query = '''{query}'''\nterms = {terms}\nwindow = \"{window}\"\nrefresh = \"0s\"\n{more}\n"
    )


def write_rules(folder: Path, **more: str) -> str:
    """Write the three rules; ``more`` has further lines of some. Returns the folder."""
    folder.mkdir(exist_ok=True)
    for rule_id in RULES:
        (folder / f"{rule_id}.toml").write_text(rule_text(rule_id, more=more.get(rule_id, "")))
    return str(folder)


def iam(user: str, hours: int, action: str = "CreateUser", address: str = "203.0.113.7") -> dict[str, Any]:
    """A call of IAM by a user, so many hours after ``START``."""
    record = assume_root(f"arn:aws:iam::111111111111:user/{user}", time=f"{START + timedelta(hours=hours):%FT%TZ}")
    return record | {
        "userIdentity": {**record["userIdentity"], "userName": user},
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "sourceIPAddress": address,
        "requestParameters": {"userName": "new"},
        "responseElements": None,
    }


def calls(count: int, tag: str = "") -> Iterator[dict[str, Any]]:
    """Calls of some users over days: new, known and returned ones for each of the rules."""
    for number in range(count):
        user, action = f"{tag}user-{number % 7}", ("CreateUser", "DeleteUser")[number % 2]
        yield iam(user, 9 * number, action, f"203.0.113.{number % 3}")
