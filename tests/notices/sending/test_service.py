from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import notice_samples as samples
import pytest
from notice_samples import ALERT, ALERT_ID, SESSION_ID
from notice_servers import mail_server, take_the_place_of_services, web_server
from ports import held_port

from streams import log
from streams.errors import UsageError
from streams.notices.messages.alert import alert_notice
from streams.notices.messages.notice import Runbook, Threshold
from streams.notices.messages.overflow import overflow_notice
from streams.notices.messages.session import session_notice
from streams.notices.sending.addresses import read_addresses
from streams.notices.sending.replies import Verdict
from streams.notices.sending.service import AppriseService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from notice_servers import MailServer, WebServer

    from streams.notices.messages.notice import Notice


def alert(severity: str = "low", **changes: Any) -> Notice:
    return alert_notice(samples.alert(severity=severity, **changes), Runbook())


def summary(**changes: Any) -> Notice:
    notice = session_notice(samples.summary(**changes), Runbook(), Threshold())
    assert notice is not None
    return notice


def service(url: str) -> AppriseService:
    (address,) = read_addresses([url])
    return AppriseService(address)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server() as started:
        take_the_place_of_services(monkeypatch, started)
        yield started


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nothing listens."""
    with held_port() as port:
        yield port


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


PAGERDUTY = "pagerduty://" + "r" * 32 + "@" + "a" * 20
OPSGENIE = "opsgenie://a4f22ae0-7a2b-4b1c-9f63-3f1ad0c66f1a"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = "workflows://prod-1.westus.logic.azure.com:443/a1b2c3/sig-Na_ture"


@pytest.mark.parametrize(
    ("severity", "theirs"), [("low", "info"), ("medium", "warning"), ("high", "error"), ("critical", "critical")]
)
def test_pagerduty(server: WebServer, severity: str, theirs: str) -> None:
    """PagerDuty is told the alert id as deduplication key, and the severity in its own words."""
    assert service(PAGERDUTY).send(alert(severity)).verdict is Verdict.ACCEPTED
    (request,) = server.requests
    assert (request.host, request.path) == ("events.pagerduty.com", "/v2/enqueue")
    assert request.document["dedup_key"] == ALERT_ID
    assert request.document["event_action"] == "trigger"
    assert request.document["payload"]["severity"] == theirs
    assert ALERT["principal"]["arn"] in request.document["payload"]["summary"]
    assert request.document["payload"]["custom_details"]["Account"] == "222222222222"
    assert request.document["links"] == [{"href": ALERT["rule"]["references"][0]}]
    assert "images" not in request.document


def test_pagerduty_session(server: WebServer) -> None:
    """The summary of a session joins its alert's incident: it has the same deduplication key."""
    service(PAGERDUTY).send(summary())
    assert server.requests[0].document["dedup_key"] == ALERT_ID


@pytest.mark.parametrize(
    ("severity", "priority"), [("low", "P4"), ("medium", "P3"), ("high", "P2"), ("critical", "P1")]
)
def test_opsgenie(server: WebServer, severity: str, priority: str) -> None:
    """Opsgenie is told every alert, also one of low severity, with the alert id as alias; P1 is the most urgent."""
    assert service(OPSGENIE).send(alert(severity)).verdict is Verdict.ACCEPTED
    (request,) = server.requests
    assert (request.document["alias"], request.document["priority"]) == (ALERT_ID, priority)


def test_what_the_url_says_itself_stays(server: WebServer) -> None:
    """A value that the operator gave in the URL is not replaced by ours."""
    service(f"{PAGERDUTY}?severity=warning&class=root").send(alert("critical"))
    document = server.requests[0].document
    assert (document["payload"]["severity"], document["payload"]["class"]) == ("warning", "root")


def test_slack(server: WebServer) -> None:
    """Slack is told the alert in its own markup; what a caller has chosen calls nobody and formats nothing."""
    server.body = b"ok"
    agent = "<!channel> *bold* @everyone <https://evil.example|here>"
    assert service(SLACK).send(alert(event=ALERT["event"] | {"user_agent": agent})).verdict is Verdict.ACCEPTED
    (request,) = server.requests
    assert request.host == "hooks.slack.com"
    assert ALERT_ID in request.text
    assert "<!channel>" not in json.dumps(request.document, ensure_ascii=False)
    assert "@everyone" not in request.text
    assert "<https://evil.example" not in request.text


def test_teams(server: WebServer) -> None:
    """Teams (a Workflows webhook) is told the alert as a card, and a caller's text mentions nobody in it."""
    agent = "<at>somebody@example.com</at>"
    assert service(TEAMS).send(alert(event=ALERT["event"] | {"user_agent": agent})).verdict is Verdict.ACCEPTED
    (request,) = server.requests
    assert ALERT_ID in request.text
    assert '"mention"' not in request.text


def test_webhook(server: WebServer) -> None:
    """A webhook gets the deduplication key in its body and as Idempotency-Key, the same each time."""
    hook = service("json://127.0.0.1/hook?+Idempotency-Hint=yes&:team=soc")
    hook.send(alert())
    hook.send(alert())
    hook.send(summary(revision=2))
    first, again, session = server.requests
    assert first == again
    assert first.headers["Idempotency-Key"] == first.document["key"] == ALERT_ID
    assert (first.headers["Idempotency-Hint"], first.document["team"]) == ("yes", "soc")
    assert session.document["key"] == f"{SESSION_ID}:2"
    assert (session.document["thread"], session.document["alert_id"]) == (ALERT_ID, ALERT_ID)
    assert (session.document["kind"], session.document["severity"]) == ("session", "medium")


def test_mail(mail: MailServer) -> None:
    """The mails of an alert and of its session are one thread, and name the alert."""
    by_mail = service(mail.url)
    assert by_mail.send(alert()).verdict is Verdict.ACCEPTED
    assert by_mail.send(summary()).verdict is Verdict.ACCEPTED
    first, second = mail.mails
    assert first["References"] == second["References"] == f"<{ALERT_ID}@rootwatch>"
    assert first["Subject"] == alert().title
    for told in (first, second):
        assert ALERT_ID in told.get_body().get_content()  # type: ignore[union-attr]


def test_a_redirect_is_no_delivery(server: WebServer) -> None:
    """A redirect is not followed, because the notice would be lost on the way; it is a refusal for good."""
    server.headers["Location"] = "http://127.0.0.1/elsewhere"
    server.answers.append(302)
    assert service("json://127.0.0.1/hook").send(alert()).verdict is Verdict.REFUSED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.ACCEPTED),
        (400, Verdict.REFUSED),
        (401, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (410, Verdict.REFUSED),
        (408, Verdict.UNAVAILABLE),
        (429, Verdict.UNAVAILABLE),
        (500, Verdict.UNAVAILABLE),
        (503, Verdict.UNAVAILABLE),
    ],
)
def test_answers(server: WebServer, status: int, verdict: Verdict) -> None:
    """4xx is a refusal for good, but for those that ask to wait; 5xx is one for now."""
    server.answers.append(status)
    reply = service("json://127.0.0.1/hook").send(alert())
    assert (reply.verdict, reply.reached) == (verdict, True)
    assert reply.words in {"accepted", f"HTTP {status}"}


def test_retry_after(server: WebServer) -> None:
    """The pause that a service asks for is known."""
    server.headers["Retry-After"] = "17"
    server.answers.append(429)
    assert service("json://127.0.0.1/hook").send(alert()).wait == 17


def test_a_refusal_in_an_answer_of_200(server: WebServer) -> None:
    """Slack's API says 200 and ``"ok": false`` in the body: that is no delivery."""
    server.decide = lambda _: 200
    server.body = b'{"ok": false, "error": "channel_not_found"}'
    reply = service("slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general").send(alert())
    assert reply.verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("451 later", Verdict.UNAVAILABLE), ("554 no", Verdict.REFUSED)],
)
def test_refused_mail(mail: MailServer, answer: str, verdict: Verdict) -> None:
    """A mail server's 4xx is a refusal for now, and its 5xx one for good."""
    mail.refusals.append(answer)
    reply = service(mail.url).send(alert())
    assert (reply.verdict, reply.words) == (verdict, f"SMTP {answer[:3]}")


@pytest.mark.parametrize("schema", ["json", "mailto"])
def test_nobody_answers(unused_port: int, schema: str) -> None:
    """A service that does not answer is one for now; the words hold no URL."""
    query = "?from=a@example.com&to=b@example.com&mode=insecure" if schema == "mailto" else ""
    reply = service(f"{schema}://127.0.0.1:{unused_port}/s3cret{query}").send(alert())
    assert (reply.verdict, reply.reached) == (Verdict.UNAVAILABLE, False)
    assert "s3cret" not in reply.words


@pytest.mark.parametrize("url", ["nothing://s3cret", "pagerduty://s3cret", "slack://s3cret"])
def test_a_url_that_apprise_cannot_use(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The error names the service and where the URL was given, and not the URL."""
    with pytest.raises(UsageError, match=r"-1 \(argument 1\): ") as raised:
        service(url)
    assert "s3cret" not in str(raised.value) + "".join(capfd.readouterr())


def test_a_plugin_that_fails(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception inside Apprise is an answer, without the exception's text."""
    hook = service("json://127.0.0.1/hook")
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.send", lambda *_, **__: 1 / 0)
    reply = hook.send(alert())
    assert (reply.verdict, reply.words) == (Verdict.UNAVAILABLE, "Apprise failed: ZeroDivisionError")
    assert server.requests == []


def test_overflow_is_one_incident(server: WebServer) -> None:
    """Every alert of an overflow gives PagerDuty the same deduplication key, which is not an alert's."""
    for number in range(2):
        service(PAGERDUTY).send(overflow_notice(ALERT | {"alert_id": f"alert-{number}"}, "overflow", Runbook()))
    first, second = (request.document["dedup_key"] for request in server.requests)
    assert first == second
    assert first not in {"alert-0", "alert-1"}


def test_libraries_log_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """What Apprise and the libraries below it would log holds URLs, and goes nowhere."""
    log.configure()
    service("json://127.0.0.1/s3cret")
    for name in ("apprise", "apprise.plugins", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).error("failed: https://127.0.0.1/s3cret")
    assert capfd.readouterr().err == ""


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Apprise the error says what to install."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r"pip install 'rootwatch\[notify\]'"):
        service("json://127.0.0.1/hook")
