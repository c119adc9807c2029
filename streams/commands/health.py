"""``rootwatch health``: whether the worker on this machine is well, asked where its settings say that it listens."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Annotated

import typer

from streams import settings
from streams.commands.terminal.check_list import show
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.content.printable import printable

if TYPE_CHECKING:
    from streams.settings import Settings

ANSWER_SECONDS = 4.0
# A worker that listens on every address of the machine is asked on the loopback one.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  this only asks
_SHOWN_CHARACTERS = 400


def health(
    config: Config = None,
    *,
    ready: Annotated[
        bool,
        typer.Option("--ready", help="Ask for readiness (/readyz): partitions are assigned, the table is recovered."),
    ] = False,
) -> None:
    """Ask a worker that runs here with the same settings whether it is healthy. Exit 1 if it is not, or is not there.

    It asks `/healthz` on `http_host` and `http_port`: whether the event loop answers and the consumer fetches.
    """
    well, sentence = ask(settings.load(config), "ready" if ready else "healthy")
    show([("ok" if well else "wrong", sentence)])
    if not well:
        raise typer.Exit(1)


def ask(configured: Settings, state: str) -> tuple[bool, str]:
    """Whether a worker with these settings is ``healthy`` or ``ready``, and what it said, in a sentence."""
    host, port = _LOOPBACK.get(configured.http_host, configured.http_host), configured.http_port
    path = {"healthy": "/healthz", "ready": "/readyz"}[state]
    place = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    # Not urllib, which would ask a proxy that the environment names.
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        return False, f"{place}: no answer ({reason}); does a worker run here with this http_host and http_port?"
    finally:
        connection.close()
    said = _said(body)
    if state not in said:
        return False, f"{place}: something else than a worker answers ({status}); set http_port to the worker's"
    words = printable(body.decode(errors="replace"))[:_SHOWN_CHARACTERS]
    return status == http.client.OK and said[state] is True, f"{place}: {status} {words}"


def _said(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
