"""One CloudTrail record, as a trail, a Lambda function or a shipper of single records forwards it.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html

Some forwarders change its form (R9): CloudTrail Lake and others write objects as text, Logstash's codec moves the time
to ``@timestamp``, Wazuh replaces a list of one entry by that entry. This module restores CloudTrail's form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.content import text_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.record import Record
    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "record"

USUAL_START = b'{"eventVersion"'
"""The start of a record that CloudTrail wrote. A document that starts like this is a record, see ``recognises``."""

_OF_KINESIS = "aws:kinesis"
# Lake's parameters are a map of texts; objects in it are text too.
_INNER_OBJECTS = ("taskPolicyArn", "credentials", "attributes")
_TEXT_OR_OBJECT = (str, dict)  # a union would be made anew for each record
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
    """Whether the document has a version or names its event. Of other shapes, only a Kinesis record has such a key.

    A document that starts like CloudTrail's is always a record: a caller cannot make it look like one of Kinesis (R2).
    """
    if "eventName" in document or "eventVersion" in document:
        return document.get("eventSource") != _OF_KINESIS or next(iter(document)) == "eventVersion"
    return False


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the document: it is the record."""
    yield record(document, context)


def record(document: Document, context: ReadContext) -> Record:
    """Return the record, with its fields in CloudTrail's form."""
    if has_usual_form(document):  # log files hold thousands
        return context.record(document)
    return context.record(_restored(document), document)


def has_usual_form(document: Document) -> bool:
    """Whether the document is in CloudTrail's form, as nearly all records are."""
    value = document.get
    return (
        value("eventTime") is not None
        and not isinstance(value("requestParameters"), str)
        and not isinstance(value("responseElements"), str)
        and not isinstance(value("userIdentity"), str)
        and not isinstance(value("resources"), _TEXT_OR_OBJECT)
    )


def _restored(document: Document) -> dict[str, Any]:
    fields = dict(document)
    for name in _OBJECTS:
        if isinstance(text := fields.get(name), str) and isinstance(value := text_object.parse(text), dict):
            fields[name] = _renamed(value) if name == "userIdentity" else value | _inner_objects(value)
    resources = fields.get("resources")
    if isinstance(resources, str):
        resources = text_object.parse(resources)
    if isinstance(resources, dict):
        resources = [resources]
    if isinstance(resources, list):
        fields["resources"] = [_renamed(entry) for entry in resources]
    if fields.get("eventTime") is None and "@timestamp" in fields:
        fields["eventTime"] = fields["@timestamp"]
    return fields


def _inner_objects(parameters: dict[str, Any]) -> dict[str, Any]:
    texts = ((name, parameters.get(name)) for name in _INNER_OBJECTS)
    values = ((name, text_object.parse(text)) for name, text in texts if isinstance(text, str))
    return {name: value for name, value in values if isinstance(value, dict)}


def _renamed(value: Any) -> Any:
    """Return an identity or resource with CloudTrail's spelling of the names."""
    if isinstance(value, dict):
        return {_NAMES.get(key, key): _renamed(member) for key, member in value.items()}
    return value
