"""Between the values of sessions and the plain dicts and lists that Avro takes; the field names are the same."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.extraction.sighting import Resource
from streams.sessions.action import Action, ActionEvent
from streams.sessions.grant import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed import DataclassInstance


_PLAIN = (str, int, bool)


def datum(value: DataclassInstance | Struct) -> dict[str, Any]:
    """The fields of a value as Avro takes them."""
    names = value.__struct_fields__ if isinstance(value, Struct) else value.__dataclass_fields__
    return {name: _plain(getattr(value, name)) for name in names}


def grant(fields_: Mapping[str, Any]) -> Grant:
    """The grant of its fields."""
    return Grant(**fields_)


def action(fields_: Mapping[str, Any]) -> Action:
    """The action of its fields."""
    event = fields_["event"]
    return Action(
        access_key_id=fields_["access_key_id"],
        account_id=fields_["account_id"],
        event=ActionEvent(**event | {"resources": resources(event["resources"])}),
        created_at=fields_["created_at"],
        cut=tuple(fields_["cut"]),
    )


def resources(entries: Iterable[Mapping[str, Any]]) -> tuple[Resource, ...]:
    """The resources of their fields."""
    return tuple(Resource(**entry) for entry in entries)


def _plain(value: Any) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    if isinstance(value, Struct) or (is_dataclass(value) and not isinstance(value, type)):
        return datum(value)
    return value
