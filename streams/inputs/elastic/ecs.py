"""Fields of Elastic documents, which their writers spell in several ways.

Keys may be nested (``{"event": {"action": …}}``), dotted (``{"event.action": …}``) or mixed. A value may be an array of
one, as in the ``fields`` of a search hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.inputs.read_context import Document

CLOUDTRAIL = "aws.cloudtrail"

# Only CloudTrail's ingest pipeline writes these. In a document with dotted keys, no object is named aws.cloudtrail.
_OF_CLOUDTRAIL = (
    CLOUDTRAIL,
    f"{CLOUDTRAIL}.event_version",
    f"{CLOUDTRAIL}.event_type",
    f"{CLOUDTRAIL}.user_identity.arn",
)
# The pipeline writes these for every record: action, service, outcome, and then time, principal and account. At least
# one field of each line must be there.
_DECIDING = (("event.action",), ("event.provider",), ("event.outcome",))
_TERMS = (
    ("@timestamp",),
    (f"{CLOUDTRAIL}.user_identity.arn",),
    tuple(
        f"{CLOUDTRAIL}.{name}"
        for name in (
            "request_parameters",
            "flattened.request_parameters",
            "resources",
            "resources.account_id",
            "resources.accountId",
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Ecs:
    """An Elastic document.

    Attributes:
        bodies: the objects that hold its fields; the first body that has a field counts.
    """

    bodies: tuple[Document, ...]

    def value(self, *names: str) -> Any:
        """Return the value of the first of these fields that has one; an array of one gives its element."""
        for name in names:
            for body in self.bodies:
                if (found := _at(body, name)) is not None:
                    return found
        return None

    def text(self, *names: str) -> str | None:
        """Return the value of the first of these fields that has one, if it is text that is not empty."""
        found = self.value(*names)
        return found if isinstance(found, str) and found else None

    @property
    def dataset(self) -> Any:
        """The document's dataset; CloudTrail's if either field says so (T2)."""
        event, stream = self.value("event.dataset"), self.value("data_stream.dataset")
        return CLOUDTRAIL if CLOUDTRAIL in (event, stream) else event or stream

    @property
    def has_fields(self) -> bool:
        """Whether CloudTrail's ingest pipeline has turned some of the record into fields."""
        return any(self.value(name) for name in _OF_CLOUDTRAIL)

    @property
    def is_ingested(self) -> bool:
        """Whether an ingest pipeline, CloudTrail's or another, has written fields."""
        return self.has_fields or any(self.value(name) for name in ("event.action", "event.provider"))

    @property
    def is_left_half_way(self) -> bool:
        """Whether the pipeline failed, or the fields do not show whether this is a success of the event (T2)."""
        return self.value("event.kind") == "pipeline_error" or self._any_missing(_DECIDING)

    @property
    def is_without_terms(self) -> bool:
        """Whether the fields do not show the time, the principal or the member account."""
        return self._any_missing(_TERMS)

    @property
    def untouched(self) -> Any:
        """The record as it was; ``event.original`` counts before ``message``, as in ingest pipelines."""
        return self.value("event.original") or self.value("message")

    def _any_missing(self, fields: tuple[tuple[str, ...], ...]) -> bool:
        return any(self.value(*names) in (None, "", [], {}) for names in fields)


def _at(body: Document, name: str) -> Any:
    found: Any = (
        body  # the fast way, where no key on the way holds a dot: nested objects come first among the spellings
    )
    for key, dotted in _levels(name):
        if not isinstance(found, dict):
            return None
        if not dotted.isdisjoint(found):
            return _at_any(body, name)
        found = _sole(found.get(key))
    return found


def _at_any(body: Document, name: str) -> Any:
    for key, below in _spellings(name):
        value = _sole(body.get(key))
        if isinstance(value, dict) and (found := _at_any(value, below)) is not None:
            return found
    return _sole(body.get(name))


@cache
def _levels(name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the parts of a dotted name, each with the dotted keys that may stand in its place."""
    parts = name.split(".")
    return tuple(
        (key, frozenset(".".join(parts[start:end]) for end in range(start + 2, len(parts) + 1)))
        for start, key in enumerate(parts)
    )


@cache
def _spellings(name: str) -> tuple[tuple[str, str], ...]:
    """Return every split of a dotted name into the key of an object and the name below it."""
    parts = name.split(".")
    return tuple((".".join(parts[:count]), ".".join(parts[count:])) for count in range(1, len(parts)))


def _sole(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
