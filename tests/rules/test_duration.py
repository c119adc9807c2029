from __future__ import annotations

import pytest

from streams.rules.duration import format_duration, milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10d", 864_000_000),
        ("5m", 300_000),
        ("90s", 90_000),
        ("2h", 7_200_000),
        ("1w", 604_800_000),
        ("1d12h", 129_600_000),
        ("0s", 0),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, expected: int) -> None:
    """A duration is whole numbers, each with its unit; the result is milliseconds."""
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "10", "d", "10 d", "1.5h", "-1d", "10D", "10d ", "10d\n", "٣d", "10ms", "5min"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    """Any other text is refused; the message shows it and says how to write a duration."""
    with pytest.raises(ValueError, match="not a duration: write whole numbers with units") as refusal:
        milliseconds(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("length", "text"), [(864_000_000, "10d"), (129_600_000, "36h"), (90_000, "90s"), (300_000, "5m"), (1, "1ms")]
)
def test_durations_are_shown_as_settings_write_them(length: int, text: str) -> None:
    """A duration that is shown can be given again."""
    assert format_duration(length) == text
