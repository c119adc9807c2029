"""Comparing sessions: what only one run has, and what differs, each named with its reason; nothing else (S14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from root_sessions import GRANTED_AT, HOUR, MINUTE, RULES, Followed, action, granted

from streams.backtest.following import Following
from streams.backtest.results.sessions.compare import SessionComparison, SessionTopics
from streams.backtest.sources.span import Span
from streams.settings import Settings
from streams.wire.sessions.published import ACTIVITY, SUMMARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.sessions.action import Action

ANY = Span()
TOPICS = SessionTopics("t.activity", "t.session-summaries")
CALLS = ("ListBuckets", "DeleteBucketPolicy", "PutBucketPolicy")
ACTIONS = [action(name, GRANTED_AT + (1 + place) * MINUTE) for place, name in enumerate(CALLS)]


def lived(actions: Iterable[Action], alert_id: str | None = "alert-1") -> tuple[list[Any], list[Any]]:
    """The live values of one session as its readers get them: activity, and summaries at the revisions 0 and 1."""
    followed = Followed()
    early, *late = list(actions) or [None]
    followed.take_all([granted(alert_id=alert_id), *([early] if early else [])])
    followed.close(GRANTED_AT + 2 * HOUR)
    followed.take_all(late, GRANTED_AT + 3 * HOUR)
    followed.close(GRANTED_AT + 4 * HOUR)
    return (
        [ACTIVITY.read(ACTIVITY.encode(one)) | {"detected_at": 5} for one in followed.activities],
        [SUMMARY.read(SUMMARY.encode(one)) for one in followed.summaries],
    )


def compared(
    live: tuple[list[Any], list[Any]], actions: Sequence[Action], given_span: Span = ANY, *, has_grant: bool = True
) -> list[str]:
    """The differences of a replay of the same grant with these actions."""
    comparison = SessionComparison(TOPICS, *live)
    with Following(granted().rule_id, RULES) as following:
        if has_grant:
            following._grants.add([granted()])  # noqa: SLF001  a sighting is much to make for a grant
        following.add_actions(actions)
        following.tell([comparison])
    return [str(found) for of_topic in comparison.compare(ANY, given_span) for found in of_topic.differences]


@given(st.permutations(ACTIONS), st.integers(0, len(ACTIONS)))
def test_the_same_actions_are_the_same(actions: list[Action], number: int) -> None:
    """S8, S10: in whatever order and at whatever revision the live run had them, nothing differs."""
    assert compared(lived(actions[:number]), actions[:number]) == []


def test_repeats_and_old_revisions_do_not_count() -> None:
    """P3: live values come at least once, and of a session's summaries the last revision counts."""
    activity, summaries = lived(ACTIONS)
    assert [summary["revision"] for summary in summaries] == [0, 1]
    assert compared((activity * 2, [summaries[1], summaries[0], summaries[1]]), ACTIONS) == []


def test_an_action_that_was_not_replayed() -> None:
    """What only the live run has is named, and its session differs in what it adds up to."""
    missing, differing = compared(lived(ACTIONS), ACTIONS[:2])
    assert missing.startswith("only live: 2024-10-25T20:55:11.000Z s3 PutBucketPolicy by arn:aws:sts::")
    assert missing.endswith("its record is not in what was replayed")
    assert "differs: 2024-10-25T20:52:11.000Z session of " in differing
    assert differing.endswith("in actions, last_action_at, severity, reason")


def test_an_action_that_did_not_join_live() -> None:
    """What only the replay has is named too."""
    only_replay, differing = compared(lived(ACTIONS[:1]), ACTIONS[:2])
    assert only_replay.startswith("only replay: ")
    assert "came too late or as one of too many" in only_replay
    assert differing.startswith("differs: ")


def test_a_session_of_one_run_alone() -> None:
    """A session whose grant only one run has is named in summary and activity."""
    of_live = compared(lived(ACTIONS[:1]), ACTIONS, has_grant=False)
    assert [line.rpartition(": ")[2] for line in of_live] == ["its grant is not in what was replayed"] * 2
    of_replay = compared(([], []), ACTIONS[:1])
    assert [line.partition(":")[0] for line in of_replay] == ["only replay"] * 2
    assert all("not due yet" in line for line in of_replay)


def test_another_alert_is_a_difference() -> None:
    """The alert of a session is compared, because the two runs may know other pairs."""
    assert [line.rpartition(": ")[2] for line in compared(lived(ACTIONS[:1], None), ACTIONS[:1])] == ["in alert_id"] * 2


@pytest.mark.parametrize(
    ("span", "number"),
    [(ANY, 2), (Span(None, GRANTED_AT + 2 * MINUTE), 0), (Span(None, GRANTED_AT + 2 * MINUTE + 1), 2)],
)
def test_what_the_span_cuts_off_is_not_compared(span: Span, number: int) -> None:
    """S14: --to bounds actions too, so an action after it is no difference, and neither is its session."""
    assert len(compared(lived([ACTIONS[1]]), [], span)) == number


def test_the_lines_count_what_differs() -> None:
    """The first line has the counts; each difference has a line."""
    comparison = SessionComparison(TOPICS, *lived(ACTIONS[:1]))
    [counts, difference] = comparison.compare(ANY, ANY)[0].lines()
    assert counts == "compare      t.activity: 0 in both, 0 only in the replay, 1 only live, 0 differ"
    assert difference.startswith("  only live: ")
    assert [len(list(compared.lines())) for compared in comparison.compare(Span(0, 1), ANY)] == [1, 1]


def test_the_topics_are_beside_that_of_alerts() -> None:
    """P6: the prefix of the topic of alerts is that of the others; an odd name leaves that of the settings."""
    settings = Settings.model_validate({"topic_prefix": "own"})
    assert SessionTopics.beside("other.alerts", settings) == ("other.activity", "other.session-summaries")
    assert SessionTopics.beside("alerts", settings) == ("own.activity", "own.session-summaries")
