from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.readers.group import Place, Position
from streams.notices.sending.progress import Progress

PLACE, OTHER = Place("alerts", 0), Place("alerts", 1)
SERVICES = ("aaaaaaaa", "bbbbbbbb", "cccccccc")


def started(*positions: Position) -> Progress:
    progress = Progress(SERVICES)
    progress.assign(dict(zip((PLACE, OTHER), positions, strict=False)))
    return progress


@given(st.integers(0, 2**60), st.lists(st.tuples(st.sampled_from(SERVICES), st.integers(0, 50)), max_size=40))
def test_nothing_is_skipped_and_nothing_repeated(start: int, handled: list[tuple[str, int]]) -> None:
    """What is committed is where the last service stands; from it another run knows where each one stands."""
    progress = started(Position(start, ""))
    reached = dict.fromkeys(SERVICES, start)
    for service, offset in handled:
        progress.done(PLACE, progress.turn(PLACE), service, start + offset)
        reached[service] = max(reached[service], start + offset + 1)
    position = progress.news().get(PLACE, Position(start, ""))
    assert position.offset == min(reached.values())
    again = started(position)
    for service, offset in reached.items():
        assert not again.is_due(PLACE, again.turn(PLACE), service, offset - 1) or offset == start == 0
        assert again.is_due(PLACE, again.turn(PLACE), service, offset)


def test_only_news_is_committed() -> None:
    """A position that the broker has is not committed again, and one of another partition not with this one."""
    progress = started(Position(5, ""), Position(9, ""))
    assert progress.news() == {}
    for service in SERVICES:
        progress.done(PLACE, progress.turn(PLACE), service, 5)
    assert progress.news([OTHER]) == {}
    assert progress.news() == {PLACE: Position(6, "")}
    progress.committed(progress.news())
    assert progress.news() == {}


def test_a_partition_that_went() -> None:
    """What is done with records of a partition that went, or came again, counts no more."""
    progress = started(Position(5, ""))
    turn = progress.turn(PLACE)
    progress.revoke([PLACE])
    progress.done(PLACE, turn, SERVICES[0], 5)
    assert progress.turn(PLACE) is None
    assert not progress.is_due(PLACE, turn, SERVICES[0], 9)
    progress.assign({PLACE: Position(3, "")})
    progress.done(PLACE, turn, SERVICES[0], 5)
    assert not progress.is_due(PLACE, turn, SERVICES[0], 9)
    assert progress.is_due(PLACE, progress.turn(PLACE), SERVICES[0], 3)


def test_services_that_come_and_go() -> None:
    """A service that is new begins at the group's offset; what is known of one that is gone is left out."""
    progress = Progress(SERVICES)
    progress.assign({PLACE: Position(5, '{"ahead":{"aaaaaaaa":2,"gone":7}}')})
    turn = progress.turn(PLACE)
    assert [progress.is_due(PLACE, turn, service, 5) for service in SERVICES] == [False, True, True]
    for service in SERVICES[1:]:
        progress.done(PLACE, turn, service, 5)
    assert progress.news() == {PLACE: Position(6, '{"ahead":{"aaaaaaaa":1}}')}


@given(st.one_of(st.text(), st.sampled_from(["[]", "{}", '{"ahead":3}', '{"ahead":{"aaaaaaaa":"x"}}', "null", "1"])))
def test_metadata_of_somebody_else(metadata: str) -> None:
    """Whatever another program has written beside an offset, everything from the offset on is due."""
    progress = started(Position(5, metadata))
    assert all(progress.is_due(PLACE, progress.turn(PLACE), service, 5) for service in SERVICES)
