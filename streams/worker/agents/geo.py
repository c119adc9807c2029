"""Gives the location of an IP address, from MaxMind databases that the operator supplies (A5).

The rules:

* Each database fills the fields that its type has (``_KINDS``). If several fill the same field, the last one counts.
* A database is read into memory as a whole. With a memory map, copying a new file over the old one would cause a bus
  error and end the worker.
* Only ``refresh`` accesses files, in a thread: a City database is over 100 MB, and on a slow disk even asking whether
  it has changed may take long. A look-up takes microseconds, in the event loop.
* A file that has changed is read again. Until the new one can be read, the old one is used.
* No database holds an alert back. If a file cannot be read, or an address cannot be looked up, that is logged once per
  state of the file, and the alert goes out without it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

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


class GeoLookup:
    """Looks addresses up in any of MaxMind's Enterprise, City, Country, ISP and ASN databases."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._databases = [_Database(path) for path in paths]

    def refresh(self) -> None:
        """Read the files that have changed; the first time, all of them."""
        for database in self._databases:
            database.refresh()

    def look_up(self, address: str | None) -> dict[str, Any] | None:
        """Return ``country``, ``city``, ``location``, ``asn`` and ``organization`` of an IP address.

        ``None`` without a database, if this is not an address (but an AWS service's name), or if no database has it.
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


class _Read(NamedTuple):
    """A database that was read, and the look-up for its type."""

    reader: geoip2.database.Reader
    look_up: Callable[[geoip2.database.Reader, str], Mapping[str, Any]]


class _Database:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._read: _Read | None = None
        self._is_failing = False

    def look_up(self, address: str) -> dict[str, Any]:
        """The fields that this database has of an address."""
        read = self._read  # the thread may replace it
        if read is None or (":" in address and read.reader.metadata().ip_version == _IPV4_ONLY):
            return {}
        try:
            found = read.look_up(read.reader, address)
        except geoip2.errors.AddressNotFoundError:
            return {}
        except Exception as broken:  # noqa: BLE001  damaged data may raise anything, and alerts must go on
            self._warn_once(broken)
            return {}
        return {field: value for field, value in found.items() if value is not None}

    def refresh(self) -> None:
        """Read the file if it has changed."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as missing:
            if self._stamp != _MISSING:
                self._stamp, self._is_failing = _MISSING, False
                self._warn_once(missing)
            return
        if stamp != self._stamp:
            self._stamp, self._is_failing = stamp, False
            self._read_file()

    def _read_file(self) -> None:
        try:
            reader = geoip2.database.Reader(self._path, mode=maxminddb.MODE_MEMORY)
            kind = reader.metadata().database_type
            look_up = next(look_up for name, look_up in _KINDS.items() if name in kind)
        except StopIteration:
            self._warn_once(f"{kind} databases have no locations; use one of {', '.join(_KINDS)}")
        except Exception as broken:  # noqa: BLE001  see look_up
            self._warn_once(broken)
        else:
            self._read = _Read(reader, look_up)
            log.info("geoip.read", path=str(self._path), kind=kind)

    def _warn_once(self, what: object) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.warning("geoip.unreadable", path=str(self._path), error=str(what) or repr(what))


def _city_fields(found: Any) -> dict[str, Any]:
    location = None
    if found.location.latitude is not None and found.location.longitude is not None:
        location = f"{found.location.latitude},{found.location.longitude}"
    return {"country": found.country.iso_code, "city": found.city.name, "location": location}


def _network_fields(found: Any) -> dict[str, Any]:
    return {"asn": found.autonomous_system_number, "organization": found.autonomous_system_organization}


# How to look up, by a part of the name of the database's type (GeoLite2-City, GeoIP2-City-Europe ...).
_KINDS: dict[str, Callable[[geoip2.database.Reader, str], Mapping[str, Any]]] = {
    "Enterprise": lambda reader, address: _city_fields(reader.enterprise(address)),
    "City": lambda reader, address: _city_fields(reader.city(address)),
    "Country": lambda reader, address: {"country": reader.country(address).country.iso_code},
    "GeoIP2-ISP": lambda reader, address: _network_fields(reader.isp(address)),
    "GeoLite2-ASN": lambda reader, address: _network_fields(reader.asn(address)),
}
