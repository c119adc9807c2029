"""An Elastic document after ingest: CloudTrail's fields under the names of ECS and ``aws.cloudtrail.*``.

Names: https://www.elastic.co/docs/reference/beats/filebeat/exported-fields-aws. The fields decide, not the copy of the
record in ``event.original``. If the pipeline left the document half way, the copy decides (T2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams.content import text_object
from streams.extraction.record import Record
from streams.inputs.elastic import filebeat
from streams.inputs.elastic.ecs import CLOUDTRAIL, Ecs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "elastic"

_IDENTITY = f"{CLOUDTRAIL}.user_identity"
_SESSION = f"{_IDENTITY}.session_context"

# The names of each field of CloudTrail, by its path.
_NAMES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("eventVersion",): (f"{CLOUDTRAIL}.event_version",),
    ("eventTime",): ("@timestamp",),
    ("eventSource",): ("event.provider",),
    ("eventName",): ("event.action",),
    ("eventID",): ("event.id",),
    ("eventType",): (f"{CLOUDTRAIL}.event_type",),
    ("eventCategory",): (f"{CLOUDTRAIL}.event_category",),
    ("awsRegion",): ("cloud.region",),
    ("sourceIPAddress",): ("source.address", "source.ip"),
    ("userAgent",): ("user_agent.original",),
    ("requestID",): (f"{CLOUDTRAIL}.request_id",),
    ("recipientAccountId",): (f"{CLOUDTRAIL}.recipient_account_id",),
    ("sharedEventID",): (f"{CLOUDTRAIL}.shared_event_id",),
    ("readOnly",): (f"{CLOUDTRAIL}.read_only",),
    ("userIdentity", "type"): (f"{_IDENTITY}.type",),
    ("userIdentity", "arn"): (f"{_IDENTITY}.arn",),
    ("userIdentity", "accessKeyId"): (f"{_IDENTITY}.access_key_id",),
    ("userIdentity", "principalId"): ("user.id",),
    ("userIdentity", "userName"): ("user.name",),
    ("userIdentity", "accountId"): ("cloud.account.id",),
    ("userIdentity", "invokedBy"): (f"{_IDENTITY}.invoked_by",),
    ("userIdentity", "sessionContext", "attributes", "creationDate"): (f"{_SESSION}.creation_date",),
    ("userIdentity", "sessionContext", "attributes", "mfaAuthenticated"): (f"{_SESSION}.mfa_authenticated",),
    ("userIdentity", "sessionContext", "sessionIssuer", "type"): (f"{_SESSION}.session_issuer.type",),
    ("userIdentity", "sessionContext", "sessionIssuer", "arn"): (f"{_SESSION}.session_issuer.arn",),
    ("userIdentity", "sessionContext", "sessionIssuer", "accountId"): (f"{_SESSION}.session_issuer.account_id",),
}

# What the pipeline does not rename, by its path in CloudTrail: kept as objects in ``flattened``, or as text.
_KEPT: dict[tuple[str, str], tuple[str, ...]] = {
    ("requestParameters", "request_parameters"): (
        "targetPrincipal",
        "targetPolicy",
        "taskPolicyArn.arn",
        "taskPolicyArn",
        "durationSeconds",
    ),
    ("responseElements", "response_elements"): ("credentials.accessKeyId", "credentials.expiration"),
}


def recognises(document: Document) -> bool:
    """Whether the document names a dataset, or has the fields of an ingested record."""
    ecs = Ecs((document,))
    return ecs.dataset is not None or ecs.is_ingested


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the document: its fields are the record."""
    yield from read_fields(Ecs((document,)), context)


def read_fields(ecs: Ecs, context: ReadContext) -> Iterator[Item]:
    """Read a document whose fields may be in several bodies; the alert shows the first body."""
    is_of_cloudtrail = ecs.dataset == CLOUDTRAIL
    is_left_half_way = (is_of_cloudtrail or ecs.has_fields) and ecs.is_left_half_way
    if is_left_half_way and ecs.untouched:
        yield from filebeat.read_untouched(ecs, context)
    elif not is_of_cloudtrail:
        yield context.passed_over("an Elastic document that does not say that it is of aws.cloudtrail")
    elif is_left_half_way:
        yield context.unknown(
            "a document that its ingest pipeline left half way, without the record in event.original", ecs.bodies[0]
        )
    elif ecs.is_without_terms and ecs.value("event.original"):
        for item in filebeat.read_untouched(ecs, context):
            # Queries judge the document by its own fields (U2); the record only fills in what they do not show.
            yield replace(item, document=ecs.bodies) if isinstance(item, Record) else item
    else:
        yield context.record(_fields(ecs), ecs.bodies[0], ecs.bodies)


def _fields(ecs: Ecs) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for path, names in _NAMES.items():
        _put(fields, path, ecs.value(*names))
    for (section, name), leaves in _KEPT.items():
        form = _text_form(ecs.value(f"{CLOUDTRAIL}.{name}"), leaves)
        for leaf in leaves:
            value = ecs.value(f"{CLOUDTRAIL}.flattened.{name}.{leaf}", f"{CLOUDTRAIL}.{name}.{leaf}")
            _put(fields, (section, *leaf.split(".")), form.value(leaf) if value is None else value)
    fields["resources"] = _resources(ecs)
    if ecs.value("event.outcome") != "success":
        outcome = f"event.outcome {ecs.text('event.outcome') or 'missing'}"
        fields["errorCode"] = ecs.text(f"{CLOUDTRAIL}.error_code") or outcome
        _put(fields, ("errorMessage",), ecs.text(f"{CLOUDTRAIL}.error_message"))
    _put_other_parameters(fields, ecs)
    return fields


def _put_other_parameters(fields: dict[str, Any], ecs: Ecs) -> None:
    """Put the request parameters that no field names beside those that one does; as text if they cannot be read."""
    flattened = ecs.value(f"{CLOUDTRAIL}.flattened.request_parameters")
    kept = ecs.value(f"{CLOUDTRAIL}.request_parameters")
    whole: Any = flattened
    if not isinstance(flattened, dict):
        whole = text_object.parse(kept) if isinstance(kept, str) else kept
    if isinstance(whole, dict):
        fields["requestParameters"] = whole | fields.get("requestParameters", {})
    else:
        _put(fields, ("requestParameters",), kept)


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set the value at the path; a value that is there already stays."""
    if value is None:
        return
    for name in path[:-1]:
        fields = fields.setdefault(name, {})
    fields.setdefault(path[-1], value)


def _text_form(text: Any, leaves: tuple[str, ...]) -> Ecs:
    """Return request parameters or response elements from their text: JSON, or the text form of a Java map.

    A text that cannot have one of the leaves is not read: without escapes, each key is in it as it is.
    """
    is_read = isinstance(text, str) and ("\\" in text or any(leaf.partition(".")[0] in text for leaf in leaves))
    value = text_object.parse(text) if is_read else None
    return Ecs((value,)) if isinstance(value, dict) else Ecs(())


def _resources(ecs: Ecs) -> list[dict[str, Any]]:
    """Return the entries of ``resources``: objects, or one value or list per field, as in the fields of a hit."""
    entries = ecs.value(f"{CLOUDTRAIL}.resources")
    if not isinstance(entries, list):
        names = ("arn", "ARN", "type", "account_id", "accountId")
        columns = {name: _list(ecs.value(f"{CLOUDTRAIL}.resources.{name}")) for name in names}
        rows = range(max(map(len, columns.values())))
        entries = [{name: column[row] for name, column in columns.items() if row < len(column)} for row in rows]
    resources = [Ecs((entry,)) for entry in entries if isinstance(entry, dict)]
    return [
        {
            "ARN": resource.value("arn", "ARN"),
            "type": resource.value("type"),
            "accountId": resource.value("account_id", "accountId"),
        }
        for resource in resources
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
