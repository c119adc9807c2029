"""The schema registry's client: the settings that it is made from."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Protocol

from streams.wire.confluent.errors import RegistryMisconfigured

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_SECONDS = 10


class RegistrySettings(Protocol):
    """The settings of the registry; ``streams.settings.Settings`` has these."""

    @property
    def schema_registry_url(self) -> str | None:
        """One address, or several separated by commas."""

    @property
    def schema_registry_auth_file(self) -> Path | None:
        """A file that holds ``user:password``, perhaps with a final newline."""

    @property
    def ssl_ca(self) -> Path | None:
        """The authorities that certificates are checked against, a PEM file."""


def check_files(settings: RegistrySettings) -> None:
    """Read the files that the registry's client needs; no request is made.

    Raises:
        RegistryMisconfigured: the auth file or the file of authorities cannot be read or is not valid.
    """
    client_settings(settings)


def client_settings(settings: RegistrySettings) -> dict[str, Any]:
    """Return the configuration of confluent-kafka's registry clients; raises as ``check_files``."""
    conf: dict[str, Any] = {
        "url": settings.schema_registry_url,
        "timeout": _TIMEOUT_SECONDS,
        "max.retries": 0,
    }
    if settings.schema_registry_auth_file is not None:
        conf["basic.auth.user.info"] = _auth(settings.schema_registry_auth_file)
    if settings.ssl_ca is not None:
        try:
            ssl.create_default_context(cafile=settings.ssl_ca)
        except OSError as error:  # an SSLError is one, too
            raise RegistryMisconfigured(f"ssl_ca = {settings.ssl_ca}: no PEM file of certificates: {error}") from error
        conf["ssl.ca.location"] = str(settings.ssl_ca)
    return conf


def _auth(path: Path) -> str:
    try:
        auth = path.read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryMisconfigured(f"schema_registry_auth_file = {path}: cannot be read: {error}") from error
    if ":" not in auth:
        raise RegistryMisconfigured(f"schema_registry_auth_file = {path}: must hold user:password")
    return auth
