"""A CloudWatch Logs subscription as a Lambda function receives it: ``{"awslogs": {"data": base64 of gzip}}``.

https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from streams.content import json_text
from streams.content.compression import CorruptError, TooLargeError
from streams.content.encoding import NotTextError, to_utf8
from streams.inputs.aws import cloudwatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = cloudwatch.NAME


def recognises(document: Document) -> bool:
    """Whether the document has the key. The fetch filter relies on the key's name (``inputs/prefilter.py``)."""
    return "awslogs" in document


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Unpack the data, and read the subscription message in it."""
    packed = document["awslogs"]
    data = packed.get("data") if isinstance(packed, dict) else None
    if not isinstance(data, str):
        yield context.unknown("awslogs has no data", document)
        return
    try:
        compressed = binascii.a2b_base64("".join(data.split()).encode("ascii"), strict_mode=True)
        subscription = json_text.parse(to_utf8(context.budget.unpack(compressed)))
    except TooLargeError as error:
        yield context.unreadable("too-large", f"awslogs data: {error}", document)
    except UnicodeEncodeError:
        yield context.unreadable("malformed", "awslogs data: not base64", document)
    except (binascii.Error, CorruptError, NotTextError, json_text.MalformedJsonError) as error:
        yield context.unreadable("malformed", f"awslogs data: {error}", document)
    else:
        if isinstance(subscription, dict) and cloudwatch.recognises(subscription):
            yield from cloudwatch.read(subscription, context)
        else:
            yield context.unknown("awslogs data holds no subscription message", document)
