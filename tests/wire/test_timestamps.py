from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import strategies
from hypothesis import given

from streams.wire.timestamps import to_iso8601


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_772_442_840_000, "2026-03-02T09:14:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
        (-62_135_596_800_001, "0000-12-31T23:59:59.999Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
        (2**63 - 1, "+292278994-08-17T07:12:55.807Z"),
    ],
)
def test_instants(milliseconds: int, text: str) -> None:
    """An instant has milliseconds and Z (P3); years of more than four digits are written as in JavaScript."""
    assert to_iso8601(milliseconds) == text


@given(milliseconds=strategies.DATED)
def test_python_reads_it_back(milliseconds: int) -> None:
    """Any date of the years 1 to 9999 is the same instant to Python's own parser."""
    shown = datetime.fromisoformat(to_iso8601(milliseconds))
    assert (shown - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(milliseconds=1) == milliseconds


@given(milliseconds=strategies.LONG)
def test_every_64_bit_timestamp_has_a_text(milliseconds: int) -> None:
    """No timestamp that a Kafka producer may send stops an alert from being shown."""
    assert to_iso8601(milliseconds).endswith("Z")
