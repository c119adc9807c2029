"""What a service said to a notice. Apprise only says whether it took it, so the answers are seen one level below.

``requests`` and ``smtplib`` carry nearly all of Apprise's services. Their public functions that return an answer note
its code for the thread that is sending. A service that speaks otherwise (MQTT, XMPP, syslog) has no code, and what
it refuses counts as refused for now.
"""

from __future__ import annotations

import functools
import smtplib
import threading
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOR_NOW = frozenset({408, 409, 423, 425, 429})
_REDIRECT, _CLIENT, _SERVER = 300, 400, 500
_LONGEST_WAIT = 3_600.0


class Verdict(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    UNAVAILABLE = "unavailable"
    """Not now: no answer, too many requests, or the service's own failure. Waiting may help."""
    REFUSED = "refused"
    """For good: the service understood and does not want it. Only another text or another URL may help."""


class Reply(NamedTuple):
    """A service's answer.

    Attributes:
        verdict: what became of the attempt.
        words: the answer for the log, without any secret: a code or the name of an error.
        wait: how many seconds the service wants to be left alone; 0 if it says nothing.
        reached: whether the service answered at all.
    """

    verdict: Verdict
    words: str
    wait: float = 0.0
    reached: bool = True


class Answer(NamedTuple):
    """One answer of a server on the way: ``HTTP`` or ``SMTP`` and a code, or an error that means there was none."""

    protocol: str
    code: int
    error: str = ""
    wait: float = 0.0


class _Seen(threading.local):
    answers: list[Answer] | None = None


_SEEN = _Seen()


@contextmanager
def observed() -> Iterator[list[Answer]]:
    """The answers that this thread gets meanwhile, in their order."""
    _observe()
    answers: list[Answer] = []
    _SEEN.answers = answers
    try:
        yield answers
    finally:
        _SEEN.answers = None


def judge(*, accepted: bool, answers: list[Answer]) -> Reply:
    """What the answers mean; the last one that is no success decides.

    Args:
        accepted: what Apprise says.
        answers: the answers as they came.
    """
    if accepted:
        return Reply(Verdict.ACCEPTED, "accepted")
    failed = [answer for answer in answers if answer.error or _is_no(answer)]
    if not failed:
        if answers:  # such as Slack's 200 with "ok": false
            return Reply(Verdict.REFUSED, f"{answers[-1].protocol} {answers[-1].code}, but the answer is a refusal")
        return Reply(Verdict.UNAVAILABLE, "no answer was seen", reached=False)
    last = failed[-1]
    if last.error:
        return Reply(Verdict.UNAVAILABLE, f"no answer: {last.error}", reached=False)
    verdict = Verdict.UNAVAILABLE if _is_for_now(last) else Verdict.REFUSED
    return Reply(verdict, f"{last.protocol} {last.code}", last.wait)


def _is_no(answer: Answer) -> bool:
    """Whether a code is no success. SMTP's 334 and 354 ask for more; a redirect is not followed, so it is none."""
    return answer.code >= (_CLIENT if answer.protocol == "SMTP" else _REDIRECT)


def _is_for_now(answer: Answer) -> bool:
    """Whether a code that is no success may be another one later."""
    if answer.protocol == "SMTP":
        return answer.code < _SERVER
    return answer.code in _FOR_NOW or answer.code >= _SERVER


def _note(answer: Answer) -> None:
    if _SEEN.answers is not None:
        _SEEN.answers.append(answer)


@functools.cache
def _observe() -> None:
    """Note answers from now on; the functions do otherwise what they did."""
    import requests  # noqa: PLC0415  comes with the extra `notify`

    send, getreply, connect = requests.Session.send, smtplib.SMTP.getreply, smtplib.SMTP.connect

    @functools.wraps(send)
    def noting_send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        try:
            response = send(self, request, **options)
        except requests.RequestException as error:
            _note(Answer("HTTP", 0, type(error).__name__))  # its text holds the URL
            raise
        _note(Answer("HTTP", response.status_code, wait=_seconds(response.headers.get("Retry-After"))))
        return response

    @functools.wraps(getreply)
    def noting_getreply(self: smtplib.SMTP) -> tuple[int, bytes]:
        try:
            code, message = getreply(self)
        except (OSError, smtplib.SMTPException) as error:
            _note(Answer("SMTP", 0, type(error).__name__))
            raise
        _note(Answer("SMTP", code))
        return code, message

    @functools.wraps(connect)
    def noting_connect(self: smtplib.SMTP, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        try:
            return connect(self, *arguments, **options)
        except OSError as error:
            _note(Answer("SMTP", 0, type(error).__name__))
            raise

    requests.Session.send = noting_send  # type: ignore[method-assign]
    smtplib.SMTP.getreply = noting_getreply  # type: ignore[method-assign]
    smtplib.SMTP.connect = noting_connect  # type: ignore[method-assign]


def _seconds(retry_after: str | None) -> float:
    """The seconds that ``Retry-After`` asks for, an hour at most; 0 without one, or if it is a date."""
    return min(float(retry_after), _LONGEST_WAIT) if retry_after and retry_after.isdecimal() else 0.0
