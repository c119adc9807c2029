"""Looking things up in Elastic documents, whose writers spell the same field in several ways.

Keys may be nested (``{"event": {"action": …}}``), dotted (``{"event.action": …}``) or mixed, and a value may be an
array of one, as in the ``fields`` of a search hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.inputs.walk import Document

CLOUDTRAIL = "aws.cloudtrail"


@dataclass(frozen=True, slots=True)
class Ecs:
    """An Elastic document; ``bodies`` are the objects that hold its fields, the first that has a field counts."""

    bodies: tuple[Document, ...]

    def value(self, *names: str) -> Any:
        """Return the value of the first of these fields that has one; an array of one is its element."""
        for name in names:
            path = tuple(name.split("."))
            for body in self.bodies:
                if (found := _at(body, path)) is not None:
                    return found
        return None

    def text(self, *names: str) -> str | None:
        """Return the value of the first of these fields that has one, if it is text and not empty."""
        found = self.value(*names)
        return found if isinstance(found, str) and found else None

    @property
    def dataset(self) -> Any:
        """What the document is about; CloudTrail's if either field says so (T2)."""
        event, stream = self.value("event.dataset"), self.value("data_stream.dataset")
        return CLOUDTRAIL if CLOUDTRAIL in (event, stream) else event or stream

    @property
    def is_ingested(self) -> bool:
        """Whether an ingest pipeline has turned the record into fields."""
        return any(self.value(name) for name in (CLOUDTRAIL, "event.action", "event.provider"))


def _at(body: Document, path: tuple[str, ...]) -> Any:
    for length in range(1, len(path) + 1):
        value = _sole(body.get(".".join(path[:length])))
        if length == len(path):
            return value
        if isinstance(value, dict) and (found := _at(value, path[length:])) is not None:
            return found
    return None


def _sole(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
