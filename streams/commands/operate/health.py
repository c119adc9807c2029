"""``rootwatch health``: asks the worker on this machine, at the address in its settings, whether it is healthy."""

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
# A worker that listens on every address of the machine is asked on the loopback address.
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
    """Ask a worker that runs here with the same settings whether it is healthy. Exit 1 if it is not, or does not run.

    It asks `/healthz` on `http_host` and `http_port`: whether the event loop answers and the consumer fetches.

    Examples:
        rootwatch health
        rootwatch health --ready
    """
    is_well, sentence = ask(settings.load(config), "ready" if ready else "healthy")
    show([("ok" if is_well else "wrong", sentence)])
    if not is_well:
        raise typer.Exit(1)


def ask(configured: Settings, state: str) -> tuple[bool, str]:
    """Whether a worker with these settings is ``healthy`` or ``ready``, and its answer in a sentence."""
    host, port = _LOOPBACK.get(configured.http_host, configured.http_host), configured.http_port
    path = {"healthy": "/healthz", "ready": "/readyz"}[state]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    # Not urllib, which would use a proxy that the environment names.
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        return False, f"{url}: no answer ({reason}); does a worker run here with this http_host and http_port?"
    finally:
        connection.close()
    document = _parsed(body)
    if state not in document:
        return False, f"{url}: something else than a worker answers ({status}); set http_port to the worker's"
    text = printable(body.decode(errors="replace"))[:_SHOWN_CHARACTERS]
    return status == http.client.OK and document[state] is True, f"{url}: {status} {text}"


def _parsed(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
