"""What ``doctor`` says of the trail behind a topic: accounts, regions, reads and writes, and the delay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import RECORD, changed, ecs
from hypothesis import given
from hypothesis import strategies as st

from streams.commands.operate.doctor import covered
from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.topics.trail_coverage import ENOUGH_RECORDS, TrailCoverage

if TYPE_CHECKING:
    from collections.abc import Sequence

CALL = 1_767_268_800_000  # the eventTime of RECORD
ACCOUNTS = ("111111111111", "222222222222")
REGIONS = ("eu-central-1", "us-east-1")


def of(
    count: int,
    accounts: Sequence[str] = ACCOUNTS,
    regions: Sequence[str] = REGIONS,
    read_only: Sequence[Any] = (True, False),
    late: int | None = 5_000,
) -> TrailCoverage:
    """Coverage of so many records, which take turns in each property; ``late`` is their delay in milliseconds."""
    coverage = TrailCoverage()
    for number in range(count):
        turns = {"recipientAccountId": accounts, "awsRegion": regions, "readOnly": read_only}
        fields = changed({name: values[number % len(values)] for name, values in turns.items()})
        coverage.add(Record(fields, fields, "record"), None if late is None else CALL + late * (number + 1))
    return coverage


def test_what_was_found_is_said() -> None:
    """Accounts, regions, the share of reads, and the delay of half the records and of all."""
    assert str(of(3, read_only=(True, True, False))) == (
        "3 records of 2 accounts in 2 regions; 67 % are reads; "
        "from the call to Kafka half of them took up to 10.0 s, all up to 15.0 s"
    )
    assert str(of(1, late=None)) == "1 record of 1 account in 1 region; 100 % are reads"
    assert str(of(1, read_only=(None,), late=None)) == "1 record of 1 account in 1 region"


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (-60_000, "0.0 s"),
        (1_234, "1.2 s"),
        (59_999, "60.0 s"),
        (60_000, "1 min"),
        (271_000, "4 min 31 s"),
        (3_600_000, "1 h"),
        (5_400_000, "1 h 30 min"),
        (86_400_000 * 3 + 3_600_000 * 2, "3 d 2 h"),
    ],
)
def test_delays_are_said_in_two_units(late: int, said: str) -> None:
    """The two largest units; a record that is older in Kafka than its call took no time."""
    assert str(of(1, late=late)).endswith(f"all up to {said}")


GAPS: dict[str, tuple[TrailCoverage, list[tuple[str, str]]]] = {
    "nothing is missing": (of(ENOUGH_RECORDS), []),
    "no reads": (of(ENOUGH_RECORDS, read_only=(False, "false")), [("warning", "none is a read")]),
    "no writes": (of(ENOUGH_RECORDS, read_only=(True, "true")), [("warning", "none is a write")]),
    "nothing known of reads": (of(ENOUGH_RECORDS, read_only=(None,)), []),
    "one account": (of(ENOUGH_RECORDS, accounts=ACCOUNTS[:1]), [("unknown", "all are of account 111111111111")]),
    "one region": (of(ENOUGH_RECORDS, regions=("us-east-1",)), [("unknown", "all are of us-east-1")]),
    "no global events": (
        of(ENOUGH_RECORDS, regions=("eu-central-1", "eu-west-1")),
        [("unknown", "none is of us-east-1")],
    ),
    "another partition": (of(ENOUGH_RECORDS, regions=("us-gov-west-1",)), []),
    "too few to tell": (of(ENOUGH_RECORDS - 1, ACCOUNTS[:1], REGIONS[:1], (False,)), []),
    "everything": (
        of(ENOUGH_RECORDS, ACCOUNTS[:1], REGIONS[:1], (False,)),
        [("warning", "none is a read"), ("unknown", "all are of account"), ("unknown", "all are of eu-central-1")],
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_what_is_missing_is_named(name: str) -> None:
    """What blinds a rule is a warning, what may be meant so is unknown; each line says where to read on."""
    coverage, expected = GAPS[name]
    first, *rows = covered("cloudtrail", coverage)
    assert first.state == "ok"
    assert first.sentence == f"trail: cloudtrail: {coverage}"
    assert len(rows) == len(expected)
    for row, (state, words) in zip(rows, expected, strict=True):
        assert row.state == state
        assert row.sentence.startswith(f"trail: cloudtrail: of {ENOUGH_RECORDS} records {words}")
        assert row.sentence.endswith("; docs/cloudtrail-to-kafka.md says what a trail must record")


def test_nothing_is_said_of_no_records() -> None:
    """A topic without CloudTrail has no trail to tell of."""
    assert list(covered("cloudtrail", TrailCoverage())) == []


def test_documents_after_ingest_count() -> None:
    """An Elastic document tells the same of the trail as the record that it was made of."""
    found = []
    for message in (RECORD, ecs(RECORD)):
        coverage = TrailCoverage()
        for item in read(json.dumps(message).encode(), 1 << 20):
            assert isinstance(item, Record)
            coverage.add(item, CALL + 1_000)
        found.append(str(coverage))
    assert found[0] == found[1]
    assert found[0].startswith("1 record of 1 account in 1 region; 0 % are reads; ")


ANY = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=2)


@given(
    st.fixed_dictionaries(dict.fromkeys(("recipientAccountId", "awsRegion", "readOnly", "eventTime"), ANY)),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_any_value_is_counted_and_none_is_shown(fields: dict[str, Any], kafka_time: int | None) -> None:
    """Values that AWS would not write raise nothing, and are in no sentence."""
    coverage = TrailCoverage()
    for _ in range(ENOUGH_RECORDS):
        coverage.add(Record(fields, fields, "record"), kafka_time)
    text = " ".join([str(coverage), *(gap.text for gap in coverage.gaps())])
    assert coverage.records == ENOUGH_RECORDS
    assert all(sign.isascii() and sign.isprintable() for sign in text)
