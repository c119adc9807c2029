"""MaxMind databases of documentation addresses, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mmdb_writer
import netaddr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BERLIN = {
    "country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "city": {"names": {"en": "Berlin", "fr": "Berlin"}},
    "location": {"latitude": 52.5, "longitude": 13.25},
}
AMAZON = {"autonomous_system_number": 16509, "autonomous_system_organization": "AMAZON-02"}


def write_database(path: Path, kind: str, networks: Mapping[str, Mapping[str, Any]], *, ip_version: int = 6) -> Path:
    """Write a database of a type such as ``GeoLite2-City``, with values by network in CIDR form."""
    writer = mmdb_writer.MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version != 4, database_type=kind)
    for network, known in networks.items():
        writer.insert_network(netaddr.IPSet([network]), known)
    writer.to_db_file(str(path))
    return path
