"""Digests and announcements of files, which AWS sends beside CloudTrail's records and which hold no record (R5).

Digest files: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html.
Announcements: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "announcement"

# A document with all keys of an entry is that announcement.
_ANNOUNCEMENTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"digestStartTime", "digestEndTime"}), "a CloudTrail digest"),
    (frozenset({"s3Bucket", "s3ObjectKey"}), "CloudTrail's announcement of a file"),
    (frozenset({"Service", "Event", "Bucket"}), "a test event of S3"),
    (frozenset({"eventSource", "s3"}), "S3's announcement of a file"),
)


def recognises(document: Document) -> bool:
    """Whether the document has all keys of one announcement."""
    return any(keys <= document.keys() for keys, _ in _ANNOUNCEMENTS)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Pass it over, and say what it is."""
    yield context.passed_over(next(what for keys, what in _ANNOUNCEMENTS if keys <= document.keys()))
