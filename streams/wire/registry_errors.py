"""What can go wrong with a schema registry, as three errors: unavailable, refused, misconfigured.

Proxies and load balancers stand between a worker and its registry. They answer with statuses of their own (499, 520 to
527, 561), with HTML, with half a body or with none. So a status is a number that is never looked up in a list of known
ones, and an answer of another form than a registry's is one that another try may change.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx2
from confluent_kafka.schema_registry.error import SchemaRegistryError

from streams.content.printable import printable
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENT_CLOSED_REQUEST = 499  # nginx: its client was gone before the registry answered
# Below 500, what another try may change; from 500 on, everything.
_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    _CLIENT_CLOSED_REQUEST,
}
_FIXES = {
    HTTPStatus.UNAUTHORIZED: "; see to schema_registry_auth_file",
    HTTPStatus.FORBIDDEN: "; `rootwatch topics apply` with sufficient rights registers it",
}
_REDIRECTED = "; it sends elsewhere: set schema_registry_url to the registry's own address"
# What confluent-kafka's client stumbles with over an answer that is no JSON, or JSON of another form.
_FORM_ERRORS = (AttributeError, KeyError, TypeError, ValueError)
_SHOWN_CHARACTERS = 200


class RegistryUnavailable(OperatorError):  # noqa: N818  named for the state that the caller waits out
    """The registry does not answer, or cannot for now; the same request may succeed later."""


class RegistryRefused(OperatorError):  # noqa: N818  as above
    """The registry answered and refused: credentials, a missing right, or an incompatible schema."""


class RegistryMisconfigured(OperatorError):  # noqa: N818  as above
    """The registry's address, or a file that its settings name, is of no use; the message names the setting."""

    exit_code = 2


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the client's errors about ``what`` (never the address, which may hold a password) into those above."""
    try:
        yield
    except SchemaRegistryError as error:
        raise _of_status(what, error) from error
    except httpx2.RequestError as error:
        raise RegistryUnavailable(f"schema registry unreachable for {what}: {error or type(error).__name__}") from error
    except httpx2.InvalidURL as error:
        raise RegistryMisconfigured(f"schema_registry_url: no address of a registry: {error}") from error


@contextmanager
def asking(what: str) -> Iterator[None]:
    """As ``translated``, around requests alone: an answer that is none of a registry's is unavailable, too."""
    with translated(what):
        try:
            yield
        except _FORM_ERRORS as error:
            said = f"schema registry's answer for {what} does not look like a registry's; is a proxy in between?"
            raise RegistryUnavailable(f"{said} ({type(error).__name__}: {_shown(error)})") from error


def _of_status(what: str, error: SchemaRegistryError) -> OperatorError:
    status = error.http_status_code
    said = f"{what}: {_shown(error.error_message)} (HTTP {status})"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return RegistryUnavailable(f"schema registry cannot answer for {said}")
    redirected = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return RegistryRefused(f"schema registry refuses {said}{_REDIRECTED if redirected else _FIXES.get(status, '')}")


def _shown(words: object) -> str:
    """At most so much of it, on one line: a proxy's answer may be a page of HTML."""
    text = " ".join(str(words).split())
    return printable(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
