"""One service, through Apprise: which words it takes, and what each service calls the deduplication key.

Apprise and the libraries below it log URLs and parts of them, so they are silent from here on. Redirects are not
followed: ``requests`` would turn the POST into a GET, which many servers answer with 200.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from streams.errors import UsageError
from streams.notices.messages import text
from streams.notices.sending.replies import Reply, Verdict, judge, observed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.notices.messages.notice import Notice
    from streams.notices.sending.addresses import Address

_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 20.0
_LONGEST_PAUSE = 1.2
_SILENT = ("apprise", "urllib3", "requests")
_TYPES = {"low": "info", "medium": "warning", "high": "failure", "critical": "failure"}
_PAGERDUTY = {"low": "info", "medium": "warning", "high": "error", "critical": "critical"}
# Apprise sends the number as it is, and P1 is the most urgent; its own words ("low" for 1) say the opposite.
_PRIORITIES = {"low": "4", "medium": "3", "high": "2", "critical": "1"}


class Service(Protocol):
    """Takes notices."""

    name: str
    pause: float
    """Seconds between two notices, as the service wants it."""

    def words(self, notice: Notice) -> text.Text:
        """The notice as this service is told it."""

    def send(self, notice: Notice, *, short: bool = False) -> Reply:
        """Tell the service; ``short`` gives the least that helps."""


class AppriseService:
    """A service that Apprise knows.

    Args:
        address: its URL.

    Raises:
        UsageError: Apprise is not installed, knows no such service, or the URL lacks something. The message has no URL.
    """

    def __init__(self, address: Address) -> None:
        try:
            import apprise  # noqa: PLC0415  an optional extra
        except ImportError as error:
            raise UsageError("notify needs the extra `notify`: pip install 'rootwatch[notify]'") from error
        for name in _SILENT:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._apprise = apprise
        self._asset = apprise.AppriseAsset(
            app_id="rootwatch", app_desc="rootwatch", app_url="", async_mode=False, http_redirects=False
        )
        self.name = address.name
        self._schema = address.name.rpartition("-")[0]
        made = apprise.Apprise.instantiate(address.url, asset=self._asset)
        if made is None:
            raise UsageError(
                f"{address.name} ({address.source}): Apprise cannot use this URL: it knows no service "
                f"{self._schema}://, or a part of the URL is missing or wrong; see "
                "https://appriseit.com/services/ (the URL is not shown, because it holds secrets)"
            )
        # What Apprise made of the URL is what the constructor takes; a notice adds its own values to a copy.
        given: dict[str, Any] = dict(type(made).parse_url(address.url) or {})
        # Apprise waits 4 s for an answer. What comes later would be told twice where there is no deduplication key.
        defaults: dict[str, Any] = {"overflow": "truncate", "cto": _CONNECT_SECONDS, "rto": _ANSWER_SECONDS}
        self._arguments = defaults | given
        if "image" in made.template_args and "image" not in self._arguments.get("qsd", {}):
            self._arguments["include_image"] = False  # else a picture is fetched from a site that nobody named
        # A webhook takes any format: a program that reads it wants the plain one, unless the URL asks for another.
        takes_any = _PLACES.get(self._schema) is _webhook and "format" not in self._arguments.get("qsd", {})
        shown = made.resolve_format(apprise.NotifyFormat.TEXT if takes_any else apprise.NotifyFormat.MARKDOWN)
        self._takes_markdown = shown != apprise.NotifyFormat.TEXT
        # Apprise's pauses are up to 5.5 s, too long for a flood. A service that wants longer ones says so (HTTP 429).
        self.pause = min(float(made.request_rate_per_sec), _LONGEST_PAUSE)

    def words(self, notice: Notice) -> text.Text:
        """The notice as this service is told it: in Markdown if it shows that or HTML."""
        return text.markdown(notice) if self._takes_markdown else text.plain(notice)

    def send(self, notice: Notice, *, short: bool = False) -> Reply:
        """Tell the service. Whatever happens is an answer, never an exception."""
        title, body = text.short(notice) if short else self.words(notice)
        arguments = self._arguments | _of_service(self._schema, self._arguments, notice)
        formats = self._apprise.NotifyFormat
        accepted, error = False, ""
        with observed() as answers:
            try:
                plugin = self._apprise.Apprise.instantiate(arguments, asset=self._asset)
                accepted = plugin is not None and bool(
                    plugin.notify(
                        body=body,
                        title=title,
                        notify_type=self._apprise.NotifyType(_TYPES[notice.severity]),
                        body_format=formats.MARKDOWN if self._takes_markdown and not short else formats.TEXT,
                    )
                )
            except Exception as failure:  # noqa: BLE001  of a plugin; its text may hold the URL
                error = type(failure).__name__
        if error:
            return Reply(Verdict.UNAVAILABLE, f"Apprise failed: {error}", reached=False)
        return judge(accepted=accepted, answers=answers)


def _of_service(schema: str, given: Mapping[str, Any], notice: Notice) -> dict[str, Any]:
    """The values of a notice that this service has a place for; what the URL says itself stays."""
    make = _PLACES.get(schema)
    if make is None:
        return {}
    made = make(notice)
    own = {name: value for name, value in made.items() if name in _MAPPINGS or name == "action" or not given.get(name)}
    return {name: {**value, **(given.get(name) or {})} if name in _MAPPINGS else value for name, value in own.items()}


_MAPPINGS = frozenset({"details", "headers", "payload"})


def _pagerduty(notice: Notice) -> dict[str, Any]:
    return {
        "dedup": notice.thread,
        "severity": _PAGERDUTY[notice.severity],
        "class_id": notice.kind,
        "source": "rootwatch",
        "click": notice.link,
        "details": text.facts(notice),
    }


def _opsgenie(notice: Notice) -> dict[str, Any]:
    # Without an action, Apprise takes a notice of type "info" for a note to an earlier alert, and sends nothing.
    return {
        "alias": notice.key,
        "action": "new",
        "priority": _PRIORITIES[notice.severity],
        "details": {"thread": notice.thread},
    }


def _dedup(notice: Notice) -> dict[str, Any]:
    return {"dedup": notice.thread}


def _entity(notice: Notice) -> dict[str, Any]:
    return {"entity_id": notice.thread}


def _thread(notice: Notice) -> dict[str, Any]:
    return {"thread_key": notice.thread}


def _mail(notice: Notice) -> dict[str, Any]:
    # Mail programs show mails with a common reference as one thread, whether the mail with that id exists or not.
    reference = f"<{notice.thread}@rootwatch>"
    return {"headers": {"References": reference, "In-Reply-To": reference, "X-Rootwatch-Key": notice.key}}


def _webhook(notice: Notice) -> dict[str, Any]:
    return {
        "headers": {"Idempotency-Key": notice.key},
        "payload": {
            "key": notice.key,
            "thread": notice.thread,
            "kind": notice.kind,
            "severity": notice.severity,
            "alert_id": notice.alert_id or "",
        },
    }


_PLACES: dict[str, Callable[[Notice], dict[str, Any]]] = {
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "jira": _opsgenie,
    **dict.fromkeys(("goalert", "goalerts", "ilert", "incidentio", "firehydrant"), _dedup),
    **dict.fromkeys(("splunk", "victorops"), _entity),
    "gchat": _thread,
    **dict.fromkeys(("mailto", "mailtos"), _mail),
    **dict.fromkeys(("json", "jsons", "form", "forms", "xml", "xmls"), _webhook),
}
