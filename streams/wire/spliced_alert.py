"""Alerts in Avro single-object encoding, of which most are the bytes of their sightings.

Terms, identity, call, origin and record of an alert are those of its sighting, in the same types. So their bytes are
copied, also where a foreign writer has written a number longer than need be. A new field of either schema needs a place
here: ``tests/wire/test_spliced_alert.py`` compares the result with what is written of an alert's fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastavro.schema import expand_schema

from streams.detection.alerting.alert import rule_fields
from streams.wire import alert as codec
from streams.wire.encoded_sighting import EncodedSighting
from streams.wire.generated.encoder import encoder
from streams.wire.generated.numbers import SIZES, int_bytes, number_bytes
from streams.wire.generated.odd import OddError
from streams.wire.schemas import newest, without_logical_types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.detection.alerting.alert import Alert
    from streams.detection.novelty import Novelty
    from streams.rules.rule import Rule

_MOST_RULES = 1_000


def encode(alert: Alert, detected_at: int | None, geo: Mapping[str, Any] | None) -> bytes:
    """Return the bytes of an alert; ``Alert.fields`` describes the arguments.

    Raises:
        ValueError: a value is outside its type.
    """
    if isinstance(alert.sighting, EncodedSighting) and codec.CODEC.writes_newest:
        try:
            return _spliced(alert, alert.sighting, detected_at, geo)
        except Exception:  # noqa: BLE001, S110  whatever is odd is written by its fields, which names what is wrong
            pass
    return codec.encode(alert.fields(detected_at, geo))


def _spliced(alert: Alert, sighting: EncodedSighting, detected_at: int | None, geo: Mapping[str, Any] | None) -> bytes:
    data, at = sighting.data, sighting.at
    return b"".join(
        (
            codec.CODEC.header,
            _text(alert.id),
            _rule(alert.rule),
            _text(alert.reason),
            data[at.terms : at.combination],
            data[at.mapping_version : at.principal],
            _novelty(alert.novelty),
            data[at.principal : at.member_account],
            data[at.identity_recorded_arn : at.event_id],
            _member_account(sighting),
            data[at.event_id : at.event_time],
            data[at.event_shared_event_id : at.event_region],
            data[at.event_time : at.event_name],
            data[at.event_region : at.event_target_principal],
            b"\0" if alert.task_policy_risk is None else b"\2" + _text(alert.task_policy_risk),
            data[at.event_target_principal : at.record],
            b"\0" if geo is None else b"\2" + _geo(geo),
            data[at.origin : at.teaching],
            b"\0" if detected_at is None else b"\2" + number_bytes(detected_at),
            data[at.record : at.origin],
        )
    )


def _novelty(novelty: Novelty) -> bytes:
    previous, ended = novelty.previous_seen, novelty.learning_ended_at
    return b"".join(
        (
            _text(novelty.kind),
            number_bytes(novelty.first_seen),
            b"\0\0"
            if previous is None
            else b"\2%b\2%b" % (number_bytes(previous), number_bytes(novelty.gap_seconds or 0)),
            number_bytes(novelty.times_seen),
            b"\1" if novelty.group_is_new else b"\0",
            int_bytes(novelty.others.number),
            b"\0" if ended is None else b"\2" + number_bytes(ended),
        )
    )


def _member_account(sighting: EncodedSighting) -> bytes:
    """The member account of an alert is a record, or nothing; that of a sighting is two fields, both there or not."""
    data, at = sighting.data, sighting.at
    if not data[at.member_account]:
        return b"\0"
    if not data[at.member_account_source]:
        raise OddError
    return (
        data[at.member_account : at.member_account_source]
        + data[at.member_account_source + 1 : at.identity_recorded_arn]
    )


def _text(text: str) -> bytes:
    written = text.encode()
    size = len(written)
    return (SIZES[size] if size < len(SIZES) else number_bytes(size)) + written


def _field_encoder(name: str) -> Callable[[Any], bytes]:
    """Return what encodes the record in a field of an alert."""
    schema = expand_schema(without_logical_types(newest("alert")))
    (kind,) = [field["type"] for field in schema["fields"] if field["name"] == name]
    return encoder(kind[1] if isinstance(kind, list) else kind, b"", of_dicts=True)


_geo, _new_rule = map(_field_encoder, ("geo", "rule"))
_rules: dict[int, tuple[Rule, bytes]] = {}  # by the identity of each rule


def _rule(rule: Rule) -> bytes:
    kept = _rules.get(id(rule))
    if kept is None or kept[0] is not rule:
        if len(_rules) >= _MOST_RULES:
            _rules.clear()
        kept = _rules[id(rule)] = (rule, _new_rule(rule_fields(rule)))
    return kept[1]
