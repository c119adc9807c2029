"""One CloudTrail record, as a trail, a Lambda function or a shipper of single records passes it on.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html

Some who pass it on change its form (R9): CloudTrail Lake and others write objects as text, Logstash's codec moves the
time to ``@timestamp``, Wazuh makes a list of one entry that entry. Its meaning is restored here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.inputs import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.record import Record
    from streams.inputs.walk import Document, Item, Walk

NAME = "record"

USUAL_START = b'{"eventVersion"'
"""How CloudTrail begins a record. One document that begins so is a record, see ``recognises``."""

_OF_KINESIS = "aws:kinesis"
_OBJECTS = ("requestParameters", "responseElements", "userIdentity")
# Lake's tables have names in lower case.
_NAMES = {
    name.lower(): name
    for name in (
        "principalId",
        "accountId",
        "accessKeyId",
        "userName",
        "sessionContext",
        "sessionIssuer",
        "mfaAuthenticated",
        "creationDate",
        "sourceIdentity",
        "invokedBy",
    )
}


def recognises(document: Document) -> bool:
    """A record has a version or names its event; no other shape has either key, but for a Kinesis record.

    What begins as CloudTrail begins a record is one in any case, so that the fetch filter need not look further.
    """
    if "eventName" in document or "eventVersion" in document:
        return document.get("eventSource") != _OF_KINESIS or next(iter(document)) == "eventVersion"
    return False


def read(document: Document, walk: Walk) -> Iterator[Item]:
    """The document is the record."""
    yield record(document, walk)


def record(document: Document, walk: Walk) -> Record:
    """The record, whose fields have the form that CloudTrail gives them."""
    restored: dict[str, Any] = {}
    for name in _OBJECTS:
        if isinstance(text := document.get(name), str) and isinstance(value := written.parse(text), dict):
            restored[name] = value
    resources = document.get("resources")
    if isinstance(resources, dict):
        restored["resources"] = [resources]
    elif isinstance(resources, str) and isinstance(value := written.parse(resources), list):
        restored["resources"] = [_renamed(entry) for entry in value]
    if document.get("eventTime") is None and "@timestamp" in document:
        restored["eventTime"] = document["@timestamp"]
    if not restored:
        return walk.record(document)
    if "userIdentity" in restored:
        restored["userIdentity"] = _renamed(restored["userIdentity"])
    return walk.record({**document, **restored}, document)


def _renamed(value: Any) -> Any:
    """Identities and resources with CloudTrail's spelling of their names."""
    if isinstance(value, dict):
        return {_NAMES.get(key, key): _renamed(member) for key, member in value.items()}
    return value
