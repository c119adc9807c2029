"""From rows of Arrow to messages: each row is a JSON object of its columns, without what is null.

Rules:
- A struct is an object, a map is an object, and a time is a date in UTC. Python knows no nanoseconds, so a time with
  some is cut to the microsecond.
- A row that cannot be written, such as one with text that is not UTF-8, costs only itself (R4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_ERRORS = (pa.ArrowException, ValueError, OverflowError, TypeError)


def messages(batch: Any, rows: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    """Give each of these rows of a record batch, by its index, as JSON; ``None`` for one that cannot be written."""
    taken = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows, pa.int64()))
    try:
        values = taken.to_pylist()
    except _ERRORS:
        values = None
    for place, row in enumerate(rows):
        try:
            value = values[place] if values is not None else taken.slice(place, 1).to_pylist()[0]
            yield row, orjson.dumps(_plain(value), default=_text, option=_OPTIONS)
        except _ERRORS:
            yield row, None


def in_microseconds(schema: Any) -> Any:
    """Return a schema with microseconds in the place of nanoseconds, which Spark and others write."""
    return pa.schema([field.with_type(_in_microseconds(field.type)) for field in schema])


def _in_microseconds(kind: Any) -> Any:
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_in_microseconds(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_in_microseconds(kind.key_type), _in_microseconds(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_in_microseconds(kind.value_type)))
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time64(kind) else kind


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(member) for key, member in value.items() if member is not None}
        case [tuple(), *_]:  # a map is a list of pairs
            return {str(key): _plain(member) for key, member in value if member is not None}
        case list():
            return [_plain(member) for member in value]
    return value


def _text(value: Any) -> str:
    """Return bytes as the text that they are, and what JSON has no form for, such as a decimal, as it is shown."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
