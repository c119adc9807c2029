from __future__ import annotations

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import pytest
from msgspec import structs
from root_sessions import (
    DAY,
    GRANTED_AT,
    KEY,
    MEMBER,
    MINUTE,
    OTHER_MEMBER,
    RULE_ID,
    SECOND,
    action,
    grant,
    granted,
    record,
    taken,
)
from sightings import sighting

from streams.sessions.action import Action
from streams.sessions.grant import grant_of
from streams.sessions.joining.join import belongs
from streams.sessions.session_id import activity_id, session_id

END = GRANTED_AT + 15 * MINUTE


def test_the_published_pair_joins() -> None:
    """S4: the action of AWS's published pair belongs to its grant: same key, account and time."""
    found = taken(record())
    assert isinstance(found, Action)
    assert belongs(found, grant())


@pytest.mark.parametrize(
    ("time", "created_at", "joins"),
    [
        (GRANTED_AT, GRANTED_AT, True),
        (GRANTED_AT - 5 * SECOND, GRANTED_AT, True),
        (GRANTED_AT - 5 * SECOND - 1, GRANTED_AT, False),
        (GRANTED_AT, GRANTED_AT - 5 * SECOND, True),
        (GRANTED_AT, GRANTED_AT - 5 * SECOND - 1, False),
        (GRANTED_AT, GRANTED_AT + 5 * SECOND, True),
        (GRANTED_AT, GRANTED_AT + 5 * SECOND + 1, False),
        (END + DAY, None, True),
        (END + DAY + 1, None, False),
        (GRANTED_AT - 5 * SECOND, None, True),
        (GRANTED_AT - 6 * SECOND, None, False),
    ],
)
def test_the_bounds_of_the_join(time: int, created_at: int | None, joins: bool) -> None:  # noqa: FBT001  a table's column
    """S4: each bound is part of the span, to the millisecond."""
    assert belongs(action(time=time, created_at=created_at), grant()) is joins


def test_key_and_account_must_be_the_same() -> None:
    """S4: the same key id in another account, or another key, is another session's."""
    assert not belongs(action(account=OTHER_MEMBER), grant())
    assert not belongs(replace(action(), access_key_id="ASIAOTHER"), grant())


def test_a_session_of_a_minute() -> None:
    """S4: the end is that of the credentials, however short they live."""
    short = grant(expires_at=GRANTED_AT + MINUTE)
    assert belongs(action(time=GRANTED_AT + MINUTE + DAY, created_at=None), short)
    assert not belongs(action(time=GRANTED_AT + MINUTE + DAY + 1, created_at=None), short)


def test_ids_are_made_as_the_contract_says() -> None:
    """A1, S4: an id is uuid5 over the JSON of its terms, and copies of an event share the activity's."""
    space = uuid5(NAMESPACE_URL, "rootwatch")
    session = session_id(RULE_ID, grant())
    assert session == str(uuid5(space, f'["{RULE_ID}","{KEY}","{MEMBER}","grant-{GRANTED_AT}"]'))
    one, copy = action(id="a"), action(id="b", shared_event_id="s")
    assert activity_id(session, one) == str(uuid5(space, f'["{session}","a"]'))
    assert activity_id(session, copy) == activity_id(session, action(id="c", shared_event_id="s"))
    assert activity_id(session, copy) == str(uuid5(space, f'["{session}","s"]'))


def test_the_grant_of_a_sighting() -> None:
    """S4: the grant tells what activity shows of it; its end is the expiration."""
    seen = sighting(GRANTED_AT)
    found = grant_of(seen, RULE_ID, "alert-1")
    assert found is not None
    assert (found.rule_id, found.alert_id, found.access_key_id) == (RULE_ID, "alert-1", "ASIAEXAMPLE")
    assert (found.grant.event_id, found.grant.time, found.grant.expires_at) == (seen.event.id, GRANTED_AT, END)
    assert (found.grant.principal, found.grant.member_account) == (seen.principal, seen.member_account)
    assert (found.grant.task_policy, found.grant.source_ip) == (seen.event.task_policy, seen.event.source_ip)


@pytest.mark.parametrize(("seconds", "end"), [(60, MINUTE), (0, 0), (None, 15 * MINUTE)])
def test_the_end_without_an_expiration(seconds: int | None, end: int) -> None:
    """S4: without an expiration the end is that of the duration asked for, else of fifteen minutes."""
    seen = sighting(GRANTED_AT)
    event = structs.replace(seen.event, issued_expires_at=None, duration_seconds=seconds)
    found = grant_of(structs.replace(seen, event=event), RULE_ID, None)
    assert found is not None
    assert found.grant.expires_at == GRANTED_AT + end


@pytest.mark.parametrize("key", [None, "AKIAIOSFODNN7EXAMPLE", "asiaexample", "ASIA" * 100])
def test_a_grant_without_a_temporary_key_opens_no_session(key: str | None) -> None:
    """S4: without an issued key, or with one that is not temporary, there is nothing to follow."""
    seen = sighting(GRANTED_AT)
    assert (
        grant_of(structs.replace(seen, event=structs.replace(seen.event, issued_access_key_id=key)), RULE_ID, None)
        is None
    )


def test_what_only_teaches_is_not_followed() -> None:
    """S3: a sighting of warm-up opens no session."""
    assert grant_of(sighting(GRANTED_AT, teaching=True), RULE_ID, None) is None
    assert granted().access_key_id == KEY
