"""Where an address is, by MaxMind databases that the operator supplies (A5).

Rules:
- Each database fills the fields that its type knows (``_KINDS``); of several that fill the same, the last one counts.
- A database is held in memory whole. A memory map would be a bus error, and the worker's end, while somebody copies a
  new file over the old one.
- A file that has changed is read again. Until the new one can be read, the old one is used.
- Nothing about a database keeps an alert back: what cannot be read, or looked up, is logged once for each state of the
  file, and the alert goes out without it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import geoip2.database
import geoip2.errors
import maxminddb
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

log = structlog.get_logger(__name__)

FIELDS = ("country", "city", "location", "asn", "organization")
_IPV4_ONLY = 4
_MISSING = (0, 0, 0)


class Places:
    """Looks addresses up in any of MaxMind's Enterprise, City, Country, ISP and ASN databases."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._databases = [_Database(path) for path in paths]

    def look_up(self, address: str | None) -> dict[str, Any] | None:
        """Return ``country``, ``city``, ``location``, ``asn`` and ``organization`` of an IP address.

        ``None`` without a database, for what is no address (an AWS service's name), and for an address that none knows.
        """
        if address is None or not self._databases:
            return None
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return None
        found: dict[str, Any] = {}
        for database in self._databases:
            found.update(database.look_up(address))
        return {field: found.get(field) for field in FIELDS} if found else None


class _Database:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._reader: geoip2.database.Reader | None = None
        self._look_up: Callable[[geoip2.database.Reader, str], Mapping[str, Any]] = _nothing
        self._is_failing = False

    def look_up(self, address: str) -> dict[str, Any]:
        """What this database knows of an address; only what it knows."""
        self._read_again_if_changed()
        if self._reader is None or (":" in address and self._reader.metadata().ip_version == _IPV4_ONLY):
            return {}
        try:
            found = self._look_up(self._reader, address)
        except geoip2.errors.AddressNotFoundError:
            return {}
        except Exception as broken:  # noqa: BLE001  damaged data fails in ways that no list names, and alerts must go on
            self._complain(broken)
            return {}
        return {field: value for field, value in found.items() if value is not None}

    def _read_again_if_changed(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as missing:
            if self._stamp != _MISSING:
                self._stamp, self._is_failing = _MISSING, False
                self._complain(missing)
            return
        if stamp != self._stamp:
            self._stamp, self._is_failing = stamp, False
            self._read()

    def _read(self) -> None:
        try:
            reader = geoip2.database.Reader(self._path, mode=maxminddb.MODE_MEMORY)
            kind = reader.metadata().database_type
            self._look_up = next(look_up for name, look_up in _KINDS.items() if name in kind)
        except StopIteration:
            self._complain(f"{kind} databases know no places; use one of {', '.join(_KINDS)}")
        except Exception as broken:  # noqa: BLE001  see look_up
            self._complain(broken)
        else:
            self._reader = reader
            log.info("geoip.read", path=str(self._path), kind=kind)

    def _complain(self, what: object) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.warning("geoip.unreadable", path=str(self._path), error=str(what) or repr(what))


def _place(found: Any) -> dict[str, Any]:
    location = None
    if found.location.latitude is not None and found.location.longitude is not None:
        location = f"{found.location.latitude},{found.location.longitude}"
    return {"country": found.country.iso_code, "city": found.city.name, "location": location}


def _network(found: Any) -> dict[str, Any]:
    return {"asn": found.autonomous_system_number, "organization": found.autonomous_system_organization}


def _nothing(_reader: geoip2.database.Reader, _address: str) -> dict[str, Any]:
    return {}


# Which part of the fields, by what a database's type has in its name (GeoLite2-City, GeoIP2-City-Europe ...).
_KINDS: dict[str, Callable[[geoip2.database.Reader, str], Mapping[str, Any]]] = {
    "Enterprise": lambda reader, address: _place(reader.enterprise(address)),
    "City": lambda reader, address: _place(reader.city(address)),
    "Country": lambda reader, address: {"country": reader.country(address).country.iso_code},
    "GeoIP2-ISP": lambda reader, address: _network(reader.isp(address)),
    "GeoLite2-ASN": lambda reader, address: _network(reader.asn(address)),
}
