"""Where an address is, by MaxMind databases that the operator supplies (A5)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import geoip2.database
import geoip2.errors
import maxminddb
import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = structlog.get_logger(__name__)


class Places:
    """Looks addresses up in any of MaxMind's City, Country and ASN databases; each may fill its own part of ``geo``.

    A database is read again when its file changes. One that cannot be read is logged once for each change, and the
    alerts go out without it.
    """

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
        if not found:
            return None
        return {field: found.get(field) for field in ("country", "city", "location", "asn", "organization")}


class _Database:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._reader: geoip2.database.Reader | None = None

    def look_up(self, address: str) -> dict[str, Any]:
        self._read_again_if_changed()
        if self._reader is None:
            return {}
        kind = self._reader.metadata().database_type
        try:
            if "City" in kind:
                return _of_city(self._reader.city(address))
            if "Country" in kind:
                return {"country": self._reader.country(address).country.iso_code}
            if "ASN" in kind:
                network = self._reader.asn(address)
                return {
                    "asn": network.autonomous_system_number,
                    "organization": network.autonomous_system_organization,
                }
        except geoip2.errors.AddressNotFoundError:
            return {}
        return {}

    def _read_again_if_changed(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError as missing:
            if self._stamp != (0, 0):
                log.warning("geoip.unreadable", path=str(self._path), error=str(missing))
            self._stamp = (0, 0)
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._reader = geoip2.database.Reader(self._path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as broken:
            log.warning("geoip.unreadable", path=str(self._path), error=str(broken))
        else:
            log.info("geoip.read", path=str(self._path), kind=self._reader.metadata().database_type)


def _of_city(place: Any) -> dict[str, Any]:
    location = None
    if place.location.latitude is not None and place.location.longitude is not None:
        location = f"{place.location.latitude},{place.location.longitude}"
    return {"country": place.country.iso_code, "city": place.city.name, "location": location}
