"""An OCSF event that Amazon Security Lake, CloudWatch Logs or a forwarder made from a CloudTrail record (R10).

Sources:
- Which classes AWS makes of CloudTrail, and how its events name their source: "OCSF source identification" in
  https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html. Management events
  become API Activity, Authentication or Account Change; data events become API Activity.
- The classes' numbers: https://schema.ocsf.io. API Activity is 3005 in 1.0.0-rc.2, and 6003 since 1.0.0.
- CloudWatch Logs makes the same of CloudTrail with its processor ``parseToOCSF``, in 1.1 and 1.5:
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-parseToOCSF.html.
- ``raw_data`` is the event as its source wrote it: https://schema.ocsf.io/1.1.0/classes/base_event.

An event of another product holds no CloudTrail record, whatever its texts say: a caller may have chosen them (R2). An
event of CloudTrail in a class that AWS does not name has an unknown shape, so that it is not lost silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams.content import json_text
from streams.inputs.aws import cloudtrail
from streams.inputs.ocsf import restore
from streams.inputs.ocsf.attributes import at, text_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "ocsf"

CLASSES = frozenset({3001, 3002, 3005, 6003})
"""Account Change, Authentication, API Activity of 1.0.0-rc.2, and API Activity."""

_PRODUCTS = frozenset({"cloudtrail", "aws cloudtrail", "amazon cloudtrail"})
_MOST_SHOWN = 100


def recognises(document: Document) -> bool:
    """Whether the document names its class in OCSF's way; ``class_uid`` and ``metadata`` are in every event."""
    return "class_uid" in document and ("metadata" in document or "category_uid" in document)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the event: the record that it holds as it was, else the record that its attributes restore."""
    product = text_at(document, "metadata.product.name") or text_at(document, "metadata.log_provider")
    if product is None:
        yield context.unknown("an OCSF event that names no product", document)
    elif product.lower() not in _PRODUCTS:
        yield context.passed_over(f"an OCSF event of the product {product[:_MOST_SHOWN]}, not of CloudTrail")
    elif (original := _original(document)) is not None:
        yield cloudtrail.record(original, context)
    elif (number := _class_of(document)) not in CLASSES:
        yield context.unknown("an OCSF event of CloudTrail of a class that is not made of its records", document)
    elif text_at(document, "api.operation") is None:
        yield context.unknown("an OCSF event of CloudTrail without api.operation", document)
    else:
        restored = restore.record_of(document, number)
        yield replace(context.record(restored, document), loss=restore.loss(document))


def _original(document: Document) -> dict[str, Any] | None:
    """Return the CloudTrail record in ``raw_data``, as text or as an object; ``None`` if there is no whole one."""
    original = at(document, "raw_data")
    if isinstance(original, str):
        try:
            original = json_text.parse(original)
        except json_text.MalformedJsonError:
            return None
    return original if isinstance(original, dict) and cloudtrail.recognises(original) else None


def _class_of(document: Document) -> int:
    """Return the class; -1 if it is no number."""
    number = document["class_uid"]
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= len("6003"):
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else -1
