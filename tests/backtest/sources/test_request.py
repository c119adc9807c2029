"""The options that say what to replay: read exactly, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from streams.backtest.sources.request import replay_request
from streams.backtest.sources.span import Span
from streams.errors import UsageError


def test_times_and_offsets_are_read() -> None:
    """Times are RFC 3339 with an offset, or a date in UTC; offsets are partition:offset pairs."""
    got = replay_request((), "t", start="2026-01-01", to_offset="0:5, 12:0")
    assert got.span == Span(1_767_225_600_000, None)
    assert got.to_offsets == {0: 5, 12: 0}
    assert replay_request(("a",), None, end="2026-01-01T01:00:00.5+01:00").span == Span(None, 1_767_225_600_500)


@pytest.mark.parametrize(
    ("paths", "topic", "options", "named"),
    [
        ((), None, {}, "--topic"),
        (("a",), "t", {}, "not both"),
        (("a",), None, {"from_offset": "0:1"}, "--from-offset"),
        ((), "t", {"start": "2026-01-01", "from_offset": "0:1"}, "--from-offset"),
        ((), "t", {"end": "2026-01-01", "to_offset": "0:1"}, "--to-offset"),
        ((), "t", {"start": "yesterday"}, "--from 'yesterday'"),
        ((), "t", {"end": "2026-01-01T00:00:00"}, "--to '2026-01-01T00:00:00'"),
        ((), "t", {"start": "2026-13-01"}, "--from"),
        ((), "t", {"start": "2026-01-02", "end": "2026-01-02"}, "not before"),
        ((), "t", {"from_offset": "0"}, "'0'"),
        ((), "t", {"from_offset": "0:1,"}, "''"),
        ((), "t", {"from_offset": "0:-1"}, "'0:-1'"),
        ((), "t", {"to_offset": "0:1,0:2"}, "partition 0 is named twice"),
        ((), "t", {"to_offset": "a:1"}, "'a:1'"),
        ((), "t", {"from_offset": ""}, "--from-offset ''"),
        (("a",), None, {"to_offset": ""}, "--to-offset"),
        (("a",), "", {}, "--topic ''"),
    ],
)
def test_wrong_usage_is_named(paths: tuple[str, ...], topic: str | None, options: dict[str, Any], named: str) -> None:
    """A wrong option is refused before anything is read, by an error that names it."""
    with pytest.raises(UsageError) as refused:
        replay_request(paths, topic, **options)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("time", "within"), [(9, False), (10, True), (19, True), (20, False)], ids=["before", "from", "last", "to"]
)
def test_from_is_inclusive_and_to_exclusive(time: int, within: bool) -> None:  # noqa: FBT001  a table's column
    """P9: --from is inclusive, --to exclusive."""
    assert (time in Span(10, 20)) is within
