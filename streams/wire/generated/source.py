"""What the sources of encoders and decoders share."""

from __future__ import annotations

from typing import Any

_PRIMITIVES = ("boolean", "bytes", "int", "long", "string")


def made(lines: list[str], namespace: dict[str, Any], name: str) -> Any:
    """Return a function of this source."""
    exec("\n".join(lines), namespace)  # noqa: S102  made of shipped schemas, as dataclasses make their methods
    return namespace[name]


def branch_of(schema: list[Any]) -> Any:
    """Return the type of a union of null and one type."""
    if len(schema) != 2 or schema[0] != "null":  # noqa: PLR2004  null and one type
        raise ValueError(f"a union of null and one type is expected, not {schema}; teach streams/wire/generated others")
    return schema[1]


def kind_of(schema: Any) -> str:
    """Return the name of a type."""
    kind: str = schema["type"] if isinstance(schema, dict) else schema
    if kind not in ("array", "record", *_PRIMITIVES):
        raise ValueError(f"streams/wire/generated does not know the type {kind}; teach it")
    return kind
