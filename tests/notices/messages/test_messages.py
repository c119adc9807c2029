from __future__ import annotations

from typing import TYPE_CHECKING, Any

import notice_samples as samples
import pytest
from notice_samples import ALERT, ALERT_ID, SESSION_ID

from streams.notices.messages.alert import alert_notice
from streams.notices.messages.compose import Choice, Composer
from streams.notices.messages.notice import Runbook, Threshold
from streams.notices.messages.overflow import overflow_notice
from streams.notices.messages.session import session_notice
from streams.notices.messages.text import plain
from streams.settings import Settings
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from streams.notices.messages.notice import Notice

NAMES = topic_names(Settings())
HOUR = 3_600_000


def session(threshold: Threshold | None = None, **changes: Any) -> Notice | None:
    return session_notice(samples.summary(**changes), Runbook(), threshold or Threshold())


def body(**changes: Any) -> str:
    return plain(alert_notice(samples.alert(**changes), Runbook())).body


def test_an_alert_has_its_id_as_key_and_thread() -> None:
    """The deduplication key of an alert is its id, however often it is made."""
    notice = alert_notice(samples.alert(), Runbook())
    assert (notice.key, notice.thread, notice.alert_id, notice.lookup) == (ALERT_ID,) * 4
    assert notice == alert_notice(samples.alert(detected_at=1), Runbook())


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"novelty": ALERT["novelty"] | {"kind": "first", "previous_seen": None, "principal_is_new": True}},
            "New: never seen together; the first of them was never seen before at all",
        ),
        (
            {"novelty": ALERT["novelty"] | {"kind": "first", "previous_seen": None, "principal_known_accounts": 4}},
            "New: never seen together; the first of them was seen with 4 others",
        ),
        ({"novelty": ALERT["novelty"] | {"kind": "strange"}}, "New: strange"),
        (
            {"principal": ALERT["principal"] | {"mfa_authenticated": False}},
            "Who: arn:aws:iam::111111111111:user/alice (IAMUser, key AKIAIOSFODNN7EXAMPLE, without MFA)",
        ),
        (
            {"geo": dict.fromkeys(("location", "asn")) | {"country": "DE", "city": "Ulm", "organization": "Net"}},
            "From: 198.51.100.7 (Ulm, DE, Net), us-east-1, aws-cli/2.31.0",
        ),
        (
            {"terms": [*ALERT["terms"], {"field": "user_agent.original", "value": "boto"}]},
            "user_agent.original: boto",
        ),
    ],
)
def test_lines_of_an_alert(changes: dict[str, Any], line: str) -> None:
    """What an alert has beside the usual is a line of its notice."""
    assert line in body(**changes).splitlines()


def test_an_alert_without_principal_and_account() -> None:
    """An alert of a rule on other things has no empty lines, and its terms say what it is about."""
    nobody = dict.fromkeys(ALERT["principal"])
    terms = [{"field": "source.ip", "value": "192.0.2.1"}]
    event = ALERT["event"] | dict.fromkeys(("source_ip", "region", "user_agent", "task_policy", "task_policy_risk"))
    alert = samples.alert(principal=nobody, member_account=None, terms=terms, event=event)
    told = plain(alert_notice(alert, Runbook()))
    assert told.title == "[low] 192.0.2.1: aws-sts-assume-root-rare-pair"
    lines = told.body.splitlines()
    assert "source.ip: 192.0.2.1" in lines
    assert not any(line.startswith(("Who", "Account", "From", "May do")) or line.endswith(": ") for line in lines)


def test_runbook() -> None:
    """The link is the operator's with rule and alert in it, else the rule's first reference, else none."""
    link = Runbook("https://wiki.example/{rule_id}?alert={alert_id}&x={y}")
    assert alert_notice(samples.alert(), link).link == (
        f"https://wiki.example/{ALERT['rule']['id']}?alert={ALERT_ID}&x={{y}}"
    )
    assert alert_notice(samples.alert(), Runbook()).link == ALERT["rule"]["references"][0]
    without = samples.alert() | {"rule": ALERT["rule"] | {"references": []}}
    assert alert_notice(without, Runbook()).link is None
    assert "What to do" not in plain(alert_notice(without, Runbook())).body


@pytest.mark.parametrize(
    ("threshold", "severity", "risk", "told"),
    [
        (Threshold(), "low", 0, True),
        (Threshold("medium"), "low", 99, False),
        (Threshold("medium"), "medium", 0, True),
        (Threshold("medium"), "critical", 0, True),
        (Threshold("critical"), "unheard-of", 0, True),
        (Threshold(risk=21), "low", 21, True),
        (Threshold(risk=22), "low", 21, False),
        (Threshold("high", 50), "high", 49, False),
    ],
)
def test_threshold(threshold: Threshold, severity: str, risk: int, told: bool) -> None:  # noqa: FBT001  a case
    """Severity and risk must both be reached; a severity that is unknown counts as the most serious one."""
    composer = Composer(NAMES, Choice(threshold))
    alert = samples.alert(severity=severity, risk_score=risk)
    assert (composer.notice(NAMES.alerts, alert, 0) is not None) == told
    assert (composer.notice(NAMES.overflow, alert, 0) is not None) == told


def test_a_session_belongs_to_its_alert() -> None:
    """A session's notice has its alert's thread, names the alert's id and title, and a key per revision."""
    notice = session(revision=1)
    assert notice is not None
    assert (notice.thread, notice.key) == (ALERT_ID, f"{SESSION_ID}:1")
    told = plain(notice)
    title = alert_notice(samples.alert(), Runbook()).title.removeprefix("[low] ")
    assert f"Alert: {ALERT_ID} ({title})" in told.body.splitlines()
    assert title in told.title
    assert "Calls: DeleteBucketPolicy (success)" in told.body.splitlines()


@pytest.mark.parametrize(
    ("severity", "alert_id", "least", "told"),
    [
        ("low", ALERT_ID, "low", True),
        ("low", ALERT_ID, "medium", False),
        ("high", ALERT_ID, "medium", True),
        ("low", None, "low", False),
        ("medium", None, "low", False),
        ("high", None, "low", True),
        ("high", None, "critical", False),
    ],
)
def test_which_sessions_are_told(severity: Any, alert_id: str | None, least: Any, told: bool) -> None:  # noqa: FBT001  a case
    """A session is told by its own severity; one without an alert only if that is high: most are daily work."""
    assert (session(Threshold(least), severity=severity, alert_id=alert_id) is not None) == told


def test_a_session_without_an_alert() -> None:
    """A session whose call raised no alert has no alert id, and is looked up by the key that the call issued."""
    notice = session(alert_id=None, severity="high")
    assert notice is not None
    assert (notice.alert_id, notice.thread, notice.lookup) == (None, SESSION_ID, "ASIAIOSFODNN7EXAMPLE")
    assert "See: rootwatch session ASIAIOSFODNN7EXAMPLE" in plain(notice).body


def test_an_empty_session() -> None:
    """A session of which nothing was recorded does not say that nothing was done."""
    notice = session(actions=(), resources=())
    assert notice is not None
    assert "Calls: none was recorded, which does not mean that there were none" in plain(notice).body


def test_an_overflow_is_told_once() -> None:
    """Of an overflow's alerts the first is told, and told again only if that record is read again."""
    composer = Composer(NAMES, Choice())
    first = composer.notice(NAMES.overflow, samples.alert(alert_id="a"), "first")
    assert first is not None
    assert (first.kind, first.key == first.thread, first.alert_id) == ("overflow", True, None)
    assert NAMES.overflow in first.reason
    assert composer.notice(NAMES.overflow, samples.alert(alert_id="b"), "second") is None
    again = composer.notice(NAMES.overflow, samples.alert(alert_id="a"), "first")
    assert again == first


def test_what_is_one_overflow() -> None:
    """An overflow is of one rule, one first term and one hour of event time; a full memory is its own."""
    event, terms = ALERT["event"], ALERT["terms"]
    others = [
        samples.alert(event=event | {"time": event["time"] + HOUR}),
        samples.alert(terms=[terms[0] | {"value": "somebody else"}, *terms[1:]]),
        samples.alert() | {"rule": ALERT["rule"] | {"id": "another"}},
        samples.alert(novelty=ALERT["novelty"] | {"kind": "unknown"}),
    ]
    same = samples.alert(event=event | {"time": event["time"] + 1000}, terms=[terms[0], terms[1] | {"value": "3"}])
    keys = [overflow_notice(alert, "overflow", Runbook()).key for alert in (samples.alert(), same, *others)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 1 + len(others)


def test_a_composer_without_sessions() -> None:
    """Without sessions the topic of summaries is not read."""
    assert Composer(NAMES, Choice(sessions=False)).topics == (NAMES.alerts, NAMES.overflow)
    assert Composer(NAMES, Choice()).topics == (NAMES.alerts, NAMES.overflow, NAMES.session_summaries)
