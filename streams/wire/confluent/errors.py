"""The three errors of a schema registry: unavailable, refused, misconfigured.

Proxies and load balancers between a worker and its registry answer with their own statuses (499, 520 to 527, 561), with
HTML, with half a body or without one. So a status need not be a known one, and an answer that does not look like a
registry's counts as unavailable: a retry may get another answer.
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
# The statuses below 500 for which a retry may help; from 500 on, it always may.
_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    _CLIENT_CLOSED_REQUEST,
}
_FIXES = {
    HTTPStatus.UNAUTHORIZED: "; check schema_registry_auth_file",
    HTTPStatus.FORBIDDEN: "; `rootwatch topics apply` with sufficient rights registers it",
    HTTPStatus.CONFLICT: "",  # the registry's words name what is incompatible
}
_ELSE = "; check schema_registry_url"
_REDIRECTED = "; it redirects: set schema_registry_url to the registry's own address"
# confluent-kafka's client raises these for an answer that is not JSON, or is JSON of another form.
_FORM_ERRORS = (AttributeError, KeyError, TypeError, ValueError)
_SHOWN_CHARACTERS = 200


class RegistryUnavailable(OperatorError):  # noqa: N818  named for the state that the caller waits out
    """The registry does not answer, or cannot for now; the same request may succeed later."""


class RegistryRefused(OperatorError):  # noqa: N818  as above
    """The registry answered and refused: credentials, a missing right, or an incompatible schema."""


class RegistryMisconfigured(OperatorError):  # noqa: N818  as above
    """The registry's address, or a file that its settings name, is not valid; the message names the setting."""

    exit_code = 2


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the client's errors into those above.

    Args:
        what: the subject of the request, for the message; never the address, which may hold a password.
    """
    try:
        yield
    except SchemaRegistryError as error:
        raise _of_status(what, error) from error
    except httpx2.RequestError as error:
        raise RegistryUnavailable(f"schema registry unreachable for {what}: {error or type(error).__name__}") from error
    except httpx2.InvalidURL as error:
        raise RegistryMisconfigured(f"schema_registry_url: not an address of a registry: {error}") from error


@contextmanager
def asking(what: str) -> Iterator[None]:
    """As ``translated``, for requests only: an answer that does not look like a registry's is unavailable too."""
    with translated(what):
        try:
            yield
        except _FORM_ERRORS as error:
            message = f"schema registry's answer for {what} does not look like a registry's; is a proxy in between?"
            raise RegistryUnavailable(f"{message} ({type(error).__name__}: {_shown(error)})") from error


def _of_status(what: str, error: SchemaRegistryError) -> OperatorError:
    status = error.http_status_code
    answer = f"{what}: {_shown(error.error_message)} (HTTP {status})"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return RegistryUnavailable(f"schema registry cannot answer for {answer}")
    redirected = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return RegistryRefused(
        f"schema registry refuses {answer}{_REDIRECTED if redirected else _FIXES.get(status, _ELSE)}"
    )


def _shown(words: object) -> str:
    """Return the first 200 characters on one line: a proxy's answer may be a page of HTML."""
    text = " ".join(str(words).split())
    return printable(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
