"""Locations of addresses from MaxMind databases (A5). mmdb_writer writes them, so no data of MaxMind is needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from maxmind import AMAZON, BERLIN, write_database
from structlog.testing import capture_logs

from streams.worker.agents import geo

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = {"country": None, "city": None, "location": None, "asn": None, "organization": None}


def read(*paths: Path) -> geo.GeoLookup:
    """A look-up in these databases, which the worker's thread has just read."""
    lookup = geo.GeoLookup(paths)
    lookup.refresh()
    return lookup


def refreshed(lookup: geo.GeoLookup, address: str = "203.0.113.7") -> dict[str, Any] | None:
    """The location of an address after the thread has looked again."""
    lookup.refresh()
    return lookup.look_up(address)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    networks = {"203.0.113.0/24": BERLIN, "2001:db8::/32": BERLIN, "198.51.100.0/24": {"country": {"iso_code": "FR"}}}
    return write_database(tmp_path / "city.mmdb", "GeoLite2-City", networks)


@pytest.fixture
def asn(tmp_path: Path) -> Path:
    return write_database(tmp_path / "asn.mmdb", "GeoLite2-ASN", {"203.0.113.0/24": AMAZON})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", {"country": "DE", "city": "Berlin", "location": "52.5,13.25"}),
        ("2001:db8::1", {"country": "DE", "city": "Berlin", "location": "52.5,13.25"}),
        ("198.51.100.1", {"country": "FR"}),
    ],
)
def test_a_city(city: Path, address: str, expected: dict[str, Any]) -> None:
    """A5: a City database gives country, city and location of IPv4 and IPv6 addresses; a missing value is null."""
    assert read(city).look_up(address) == {**NOWHERE, **expected}


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("GeoLite2-Country", {"country": {"iso_code": "DE"}}, {"country": "DE"}),
        ("GeoIP2-Enterprise", BERLIN, {"country": "DE", "city": "Berlin", "location": "52.5,13.25"}),
        ("GeoLite2-ASN", AMAZON, {"asn": 16509, "organization": "AMAZON-02"}),
        ("GeoIP2-ISP", AMAZON, {"asn": 16509, "organization": "AMAZON-02"}),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", AMAZON, {"asn": 16509, "organization": "AMAZON-02"}),
    ],
)
def test_each_kind_fills_its_part(tmp_path: Path, kind: str, data: dict[str, Any], expected: dict[str, Any]) -> None:
    """A5: every kind of database with locations or networks fills its fields, and leaves the others null."""
    path = write_database(tmp_path / "some.mmdb", kind, {"203.0.113.0/24": data})
    assert read(path).look_up("203.0.113.7") == {**NOWHERE, **expected}


def test_several_databases_complete_one_another(city: Path, asn: Path) -> None:
    """A5: with a City and an ASN database, an address gets the fields of both, or of the one that has the address."""
    lookup = read(city, asn)
    assert lookup.look_up("203.0.113.7") == {
        "country": "DE",
        "city": "Berlin",
        "location": "52.5,13.25",
        "asn": 16509,
        "organization": "AMAZON-02",
    }
    assert lookup.look_up("198.51.100.1") == {**NOWHERE, "country": "FR"}


@pytest.mark.parametrize(
    "address",
    [None, "", "cloudformation.amazonaws.com", "AWS Internal", "203.0.113.7:443", "203.0.113.0/24", "192.0.2.1", "::1"],
)
def test_what_is_no_known_address_has_no_location(city: Path, asn: Path, address: str | None) -> None:
    """A5: ``geo`` is null without an address, for an AWS service's name, and for an address that no database has."""
    with capture_logs() as logged:
        assert read(city, asn).look_up(address) is None
    assert not [entry for entry in logged if entry["log_level"] == "warning"]


def test_without_a_database_there_is_no_location() -> None:
    """A5: without a database ``geo`` is null."""
    assert read().look_up("203.0.113.7") is None


def test_an_ipv6_address_in_an_ipv4_database_is_unknown(tmp_path: Path) -> None:
    """A5: the reader raises an error for such an address; here the address counts as unknown."""
    path = write_database(tmp_path / "v4.mmdb", "GeoLite2-City", {"203.0.113.0/24": BERLIN}, ip_version=4)
    with capture_logs() as logged:
        assert read(path).look_up("2001:db8::1") is None
    assert not [entry for entry in logged if entry["log_level"] == "warning"]


@pytest.mark.parametrize("how", ["renamed over it", "copied into it"])
def test_a_changed_file_is_read_again(city: Path, tmp_path: Path, how: str) -> None:
    """A5: a new database replaces the old one while the worker runs, however the file was replaced."""
    lookup = read(city)
    assert refreshed(lookup) == {**NOWHERE, "country": "DE", "city": "Berlin", "location": "52.5,13.25"}
    new = write_database(tmp_path / "new", "GeoLite2-City", {"203.0.113.0/24": {"country": {"iso_code": "AT"}}})
    if how == "copied into it":
        city.write_bytes(new.read_bytes())
    else:
        new.replace(city)
    assert refreshed(lookup) == {**NOWHERE, "country": "AT"}


def test_a_file_cut_under_the_reader_does_no_harm(city: Path) -> None:
    """A5: while a copy over the file is under way, the old database still answers, and nothing crashes."""
    lookup = read(city)
    before = refreshed(lookup)
    whole = city.read_bytes()
    with capture_logs() as logged:
        os.truncate(city, 0)
        assert refreshed(lookup) == before
        city.write_bytes(whole)
        assert refreshed(lookup) == before
    assert [entry["event"] for entry in logged] == ["geoip.unreadable", "geoip.read"]


def test_a_missing_file_is_logged_once_and_read_when_it_comes(tmp_path: Path) -> None:
    """A5: without its database an alert has no location, and one line is logged. Once the file exists, it is used."""
    path = tmp_path / "late.mmdb"
    lookup = geo.GeoLookup([path])
    with capture_logs() as logged:
        assert [refreshed(lookup) for _ in range(3)] == [None] * 3
    assert [entry["event"] for entry in logged] == ["geoip.unreadable"]
    assert logged[0]["path"] == str(path)
    write_database(path, "GeoLite2-Country", {"203.0.113.0/24": {"country": {"iso_code": "DE"}}})
    assert refreshed(lookup) == {**NOWHERE, "country": "DE"}


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0"])
def test_no_database_is_logged_once(tmp_path: Path, content: bytes) -> None:
    """A5: with a file that is not a database there is no location, and one line is logged per state of the file."""
    path = tmp_path / "broken.mmdb"
    lookup = read(path)
    with capture_logs() as logged:
        path.write_bytes(content)
        assert [refreshed(lookup) for _ in range(3)] == [None] * 3
        path.write_bytes(content + b"another")
        assert refreshed(lookup) is None
    assert [entry["event"] for entry in logged] == ["geoip.unreadable"] * 2


def test_a_damaged_database_is_logged_once(city: Path, asn: Path) -> None:
    """A5: if data cannot be decoded, only its own fields are missing, and one line is logged."""
    data = city.read_bytes()
    metadata = data.rindex(b"\xab\xcd\xefMaxMind.com")
    section = data.index(b"\0" * 16) + 16
    city.write_bytes(data[:section] + b"\xff" * (metadata - section) + data[metadata:])
    lookup = read(city, asn)
    with capture_logs() as logged:
        for _ in range(3):
            assert refreshed(lookup) == {**NOWHERE, "asn": 16509, "organization": "AMAZON-02"}
    assert [e["event"] for e in logged if e["log_level"] == "warning"] == ["geoip.unreadable"]


def test_a_database_of_another_kind_is_named(tmp_path: Path) -> None:
    """A5: for a database with neither locations nor networks, the log names the kinds that are of use."""
    path = write_database(tmp_path / "other.mmdb", "GeoIP2-Connection-Type", {"203.0.113.0/24": BERLIN})
    with capture_logs() as logged:
        assert read(path).look_up("203.0.113.7") is None
    (entry,) = logged
    assert "GeoIP2-Connection-Type" in entry["error"]
    assert "City" in entry["error"]


def test_a_look_up_asks_no_disk(city: Path) -> None:
    """A5: a look-up reads memory only, because it runs in the event loop: a slow disk delays no alert."""
    lookup = read(city)
    before = lookup.look_up("203.0.113.7")
    city.unlink()
    with capture_logs() as logged:
        assert lookup.look_up("203.0.113.7") == before
    assert logged == []
