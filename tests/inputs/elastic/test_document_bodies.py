from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import MISSING, RECORD, changed, dotted, ecs, filebeat

from streams.extraction.record import Record
from streams.inputs.message_reader import read

DOCUMENT = ecs(RECORD)


def records(message: Any) -> list[Record]:
    return [item for item in read(json.dumps(message).encode(), 1 << 20) if isinstance(item, Record)]


@pytest.mark.parametrize("document", [DOCUMENT, dotted(DOCUMENT)], ids=["nested", "dotted"])
def test_a_document_after_ingest_is_judged_by_its_own_fields(document: dict[str, Any]) -> None:
    """U2: the document itself is the body of its record."""
    [record] = records(document)
    assert record.document == (document,)
    assert record.fields["eventName"] == "AssumeRoot"


def test_a_hit_has_its_source_and_its_fields() -> None:
    """U2: what is missing in a hit's source may be in its fields."""
    fields = {"cloud.region": ["eu-central-1"]}
    [record] = records({"_index": "i", "_source": DOCUMENT, "fields": fields})
    assert record.document == (DOCUMENT, fields)


def test_a_document_without_the_terms_is_still_a_document() -> None:
    """U2: queries judge it by its own fields, and the record in ``event.original`` shows what they do not."""
    document = changed({"aws.cloudtrail.user_identity.arn": MISSING}, DOCUMENT)
    [record] = records(document)
    assert record.document == (document,)
    assert record.fields["userIdentity"]["arn"] == RECORD["userIdentity"]["arn"]


RAW = {
    "a record": RECORD,
    "before ingest": filebeat(RECORD),
    "left half way": changed({"event.outcome": MISSING}, DOCUMENT),
    "a failed pipeline": changed(
        {"event.kind": "pipeline_error"}, DOCUMENT | {"event": DOCUMENT["event"] | {"kind": ""}}
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_what_only_carries_a_record_is_raw(name: str) -> None:
    """U2: a document before ingest, or one that its pipeline left half way, is judged by its record."""
    [record] = records(RAW[name])
    assert record.document is None
