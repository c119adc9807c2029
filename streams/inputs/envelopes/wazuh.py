"""An alert or an archived event of Wazuh: the AWS module's record is in ``data.aws``, or as text in ``full_log``.

https://documentation.wazuh.com/current/cloud-security/amazon/services/supported-services/cloudtrail.html. The module
sends ``{"integration": "aws", "aws": {…}}``, and ``full_log`` holds the same. It replaces a list of one entry by that
entry, see ``cloudtrail.record``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "wazuh"


def recognises(document: Document) -> bool:
    """Whether the document is what the module sends, has ``aws`` in its data, or has a full log."""
    if document.get("integration") == "aws" and "aws" in document:
        return True
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("aws"), dict | list):
        return True
    return isinstance(document.get("full_log"), str)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the record; the decoded record counts before the text."""
    data = document.get("data")
    if document.get("integration") == "aws" and "aws" in document:
        value = document["aws"]
    elif isinstance(data, dict) and isinstance(data.get("aws"), dict | list):
        value = data["aws"]
    else:
        value = document["full_log"]
    yield from carried.read(value, context, document)
