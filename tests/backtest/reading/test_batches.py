"""Messages of a topic that are searched together."""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace
from typing import Any

import root_sessions
from cloudtrail_messages import OTHER, RECORD, changed
from forwarder_messages import OF_BYTES
from hypothesis import given
from hypothesis import strategies as st
from json_writers import NO_PLAIN_NAME
from replay_records import ordinary
from sightings import RULES

from streams.backtest.reading.marks import MarkTests
from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.pipeline import ExtractSettings

RECORDS = (RECORD, OTHER, ordinary(1), changed({"eventTime": "never"}), root_sessions.record())
TEXTS = [writer(fields).encode() for fields in RECORDS for writer in (json.dumps, NO_PLAIN_NAME)]
MESSAGES = st.sampled_from(
    [
        *TEXTS,
        *(text + b"\n" for text in TEXTS),
        *(gzip.compress(text) for text in TEXTS),
        *(json.dumps(wrap(gzip.compress(TEXTS[0]))).encode() for _, wrap in OF_BYTES.values()),
        b"",
        b" \n",
        b"{",
        b"Assume",
        b"Root}",
        b'{"data":"',
        b"no JSON",
    ]
)
HOW = st.sampled_from([ExtractSettings(), ExtractSettings(follow_sessions=True)])


def kafka_record(offset: int, value: bytes) -> Any:
    """A Kafka record; an empty value is a tombstone."""
    return SimpleNamespace(
        value=lambda: value or None,
        topic=lambda: "trail",
        partition=lambda: 0,
        offset=lambda: offset,
        timestamp=lambda: (1, 1_767_268_800_000),
    )


@given(values=st.lists(MESSAGES, max_size=8), how=HOW)
def test_a_batch_reads_like_its_messages_one_by_one(values: list[bytes], how: ExtractSettings) -> None:
    """R3: counts, rejections, sightings and actions do not depend on which messages come in one batch."""
    together, alone = (Reader(ReadSettings(RULES, how)) for _ in range(2))
    records = [kafka_record(offset, value) for offset, value in enumerate(values)]
    together.records(records)
    for record in records:
        alone.records([record])
    assert together.take() == alone.take()


@given(values=st.lists(MESSAGES, max_size=8), how=HOW)
def test_no_message_with_a_mark_is_lost_in_a_batch(values: list[bytes], how: ExtractSettings) -> None:
    """R3: what the test of a single message passes is a suspect of its batch, whatever comes before it."""
    marks = MarkTests(RULES, how)
    assert {number for number, value in enumerate(values) if marks.any(value)} <= set(marks.suspects(values))


def test_ordinary_messages_are_no_suspects() -> None:
    """Records without a mark are not tested one by one; else the tests above would prove nothing."""
    values = [json.dumps(fields).encode() for fields in (ordinary(1), RECORD, ordinary(2))]
    assert list(MarkTests(RULES, ExtractSettings()).suspects(values)) == [1]
