from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import fastavro
from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import ALICE, BOB, DAY, NOON, SECOND, History, sighting, with_settings

from streams.content.uuid_text import uuid5_text
from streams.detection.alerting.alert import alert_id

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "alert.avsc").read_text(encoding="utf-8"))


def alert_of(history: History, *args: Any, **kwargs: Any) -> dict[str, Any]:
    alert = history.take(sighting(*args, **kwargs)).alert
    assert alert is not None
    return alert.fields()


def names(schema: Any) -> Any:
    """Return the field names of an Avro schema as a nested dict, through unions and arrays."""
    if isinstance(schema, list):
        return next((names(branch) for branch in schema if branch != "null"), None)
    if not isinstance(schema, dict):
        return None
    if schema["type"] == "record":
        return {field["name"]: names(field["type"]) for field in schema["fields"]}
    return names(schema["items"]) if schema["type"] == "array" else names(schema["type"])


def names_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: names_of(inner) for name, inner in value.items()}
    return names_of(value[0]) if isinstance(value, list) and value else None


def test_an_alert_has_the_schemas_fields_and_no_others() -> None:
    """A5: an alert has every field of schemas/alert.avsc, in its order, with values that it allows."""
    alert = alert_of(History(), kafka_time=NOON + SECOND)
    shell = {"geo": dict.fromkeys(names(SCHEMA)["geo"])}
    assert json.dumps(names_of({**alert, **shell})) == json.dumps(names(SCHEMA))
    assert fastavro.validate(alert, fastavro.parse_schema(SCHEMA), strict=True)


def test_an_alert_id_is_the_published_formula() -> None:
    """A1: the id is UUIDv5 of the compact JSON of rule id, principal, member account and event id; pinned."""
    seen = sighting(principal='arn:aws:iam::1:user/"é,', event_id="3038ebd2-c98a-4c65-9b6e-e22506292313")
    assert alert_id(sighting(event_id="3038ebd2-c98a-4c65-9b6e-e22506292313")) == "af662254-0e86-5318-b7e7-5e182c2b94ed"
    assert alert_id(seen) == "85b9f439-5998-54e4-ac95-073f52cd37b0"


@given(who=st.text() | st.just("\ud800\x7f"), where=st.text(), what=st.text())
def test_an_alert_id_is_that_of_the_standard_library(who: str, where: str, what: str) -> None:
    """A1: the id is ``uuid5`` of the terms as JSON, for any text in them."""
    name = json.dumps(["aws-sts-assume-root-rare-pair", who, where, what], separators=(",", ":"))
    namespace = uuid5(NAMESPACE_URL, "rootwatch")
    assert uuid5_text(namespace.bytes, name.encode()) == str(uuid5(namespace, name))
    if what:
        assert alert_id(sighting(NOON, who, where, event_id=what)) == str(uuid5(namespace, name))


@settings(deadline=None)
@given(st.tuples(*[st.text(max_size=4)] * 3), st.tuples(*[st.text(max_size=4)] * 3))
def test_alert_ids_are_equal_only_for_equal_terms(one: tuple[str, str, str], two: tuple[str, str, str]) -> None:
    """A1: separators inside values never give two different sightings the same id."""
    ids = [alert_id(sighting(NOON, who, where, event_id=f"-{what}")) for who, where, what in (one, two)]
    assert (ids[0] == ids[1]) is (one == two)


def test_a_lone_surrogate_has_an_id() -> None:
    """A1, R3: values that are not valid Unicode give different ids like any others."""
    assert alert_id(sighting(event_id="\ud800")) != alert_id(sighting(event_id="\ud801"))


def test_first_tells_what_was_never_seen() -> None:
    """A5: for ``first`` there is no previous sighting; a principal without any other pair is new."""
    assert alert_of(History())["novelty"] == {
        "kind": "first",
        "first_seen": NOON,
        "previous_seen": None,
        "gap_seconds": None,
        "times_seen": 1,
        "principal_is_new": True,
        "principal_known_accounts": 0,
        "learning_ended_at": None,
    }


def test_returned_tells_the_gap() -> None:
    """A5: ``returned`` has last seen, the gap in whole seconds, and the count; a returning principal is not new."""
    history = History(with_settings(learn_until=NOON - DAY))
    history.take_all([sighting(NOON), sighting(NOON + SECOND), sighting(NOON), sighting(NOON + SECOND)])
    assert alert_of(history, NOON + 92 * DAY + SECOND + 999)["novelty"] == {
        "kind": "returned",
        "first_seen": NOON,
        "previous_seen": NOON + SECOND,
        "gap_seconds": 92 * 86_400,
        "times_seen": 3,
        "principal_is_new": False,
        "principal_known_accounts": 0,
        "learning_ended_at": NOON - DAY,
    }


def test_known_accounts_are_the_others_of_this_principal() -> None:
    """A5: the number of other accounts counts those of the principal, not those of another one."""
    history = History()
    history.take_all([sighting(account=f"{number:012d}") for number in range(3)])
    history.take(sighting(principal=BOB, account="999999999999"))
    novelty = alert_of(history, NOON + SECOND)["novelty"]
    assert (novelty["principal_known_accounts"], novelty["principal_is_new"]) == (3, False)


def test_what_the_shell_knows_is_left_to_it() -> None:
    """A5: the caller adds geo and detected_at; a sighting from a file has no origin."""
    alert = alert_of(History())
    assert (alert["geo"], alert["detected_at"], alert["origin"]) == (None, None, None)


def test_the_record_clock_moves_the_novelty_and_not_the_event() -> None:
    """M4: under the record clock the memory's times are Kafka's; the event keeps its own time."""
    alert = alert_of(History(with_settings(clock="record")), NOON, kafka_time=NOON + 5)
    assert (alert["novelty"]["first_seen"], alert["event"]["time"]) == (NOON + 5, NOON)
    assert alert["origin"] == {"topic": "cloudtrail", "partition": 3, "offset": 42, "timestamp": NOON + 5}


def test_without_a_record_the_record_clock_is_the_events() -> None:
    """M4, M6: a baseline seeded from files has no Kafka timestamp; it teaches at its events' own times."""
    history = History(with_settings(clock="record"))
    assert history.take(sighting(NOON, teaching=True)).time == NOON
    assert history.take(sighting(NOON - DAY, kafka_time=NOON + 1)).outcome == "known"


def test_terms_stand_beside_what_was_recorded() -> None:
    """A5, T3, T4: the alert shows the compared term and the recorded identity."""
    alert = alert_of(History())
    assert (alert["principal"]["arn"], alert["principal"]["recorded_arn"]) == (ALICE, ALICE)
    assert alert["member_account"] == {"id": "222222222222", "source": "target"}
    assert alert["rule"]["threat"][0]["subtechnique_id"] == "T1548.005"
