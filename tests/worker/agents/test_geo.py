"""Places of addresses from MaxMind databases (A5); mmdb_writer writes them, so no data of MaxMind's is needed."""

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
    """The places of these databases, as the worker's thread has just looked at them."""
    places = geo.GeoLookup(paths)
    places.refresh()
    return places


def refreshed(places: geo.GeoLookup, address: str = "203.0.113.7") -> dict[str, Any] | None:
    """What is known of an address when the thread has looked again."""
    places.refresh()
    return places.look_up(address)


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
    """A5: a City database gives country, city and location of IPv4 and IPv6 addresses; what it lacks is null."""
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
    """A5: every kind of database that knows places or networks fills its part, and leaves the rest null."""
    path = write_database(tmp_path / "some.mmdb", kind, {"203.0.113.0/24": data})
    assert read(path).look_up("203.0.113.7") == {**NOWHERE, **expected}


def test_several_databases_complete_one_another(city: Path, asn: Path) -> None:
    """A5: with a City and an ASN database, an address has both; where one does not know it, the other still counts."""
    places = read(city, asn)
    assert places.look_up("203.0.113.7") == {
        "country": "DE",
        "city": "Berlin",
        "location": "52.5,13.25",
        "asn": 16509,
        "organization": "AMAZON-02",
    }
    assert places.look_up("198.51.100.1") == {**NOWHERE, "country": "FR"}


@pytest.mark.parametrize(
    "address",
    [None, "", "cloudformation.amazonaws.com", "AWS Internal", "203.0.113.7:443", "203.0.113.0/24", "192.0.2.1", "::1"],
)
def test_what_is_no_known_address_has_no_place(city: Path, asn: Path, address: str | None) -> None:
    """A5: no address, an AWS service's name in its stead, and an address that no database knows: ``geo`` is null."""
    with capture_logs() as logged:
        assert read(city, asn).look_up(address) is None
    assert not [entry for entry in logged if entry["log_level"] == "warning"]


def test_without_a_database_there_is_no_place() -> None:
    """A5: without a database ``geo`` is null."""
    assert read().look_up("203.0.113.7") is None


def test_an_ipv6_address_in_an_ipv4_database_is_unknown(tmp_path: Path) -> None:
    """A5: the reader refuses such an address with an error; here it is one that the database does not know."""
    path = write_database(tmp_path / "v4.mmdb", "GeoLite2-City", {"203.0.113.0/24": BERLIN}, ip_version=4)
    with capture_logs() as logged:
        assert read(path).look_up("2001:db8::1") is None
    assert not [entry for entry in logged if entry["log_level"] == "warning"]


@pytest.mark.parametrize("how", ["renamed over it", "copied into it"])
def test_a_changed_file_is_read_again(city: Path, tmp_path: Path, how: str) -> None:
    """A5: a new database takes the old one's place while the worker runs, whichever way it got there."""
    places = read(city)
    assert refreshed(places) == {**NOWHERE, "country": "DE", "city": "Berlin", "location": "52.5,13.25"}
    new = write_database(tmp_path / "new", "GeoLite2-City", {"203.0.113.0/24": {"country": {"iso_code": "AT"}}})
    if how == "copied into it":
        city.write_bytes(new.read_bytes())
    else:
        new.replace(city)
    assert refreshed(places) == {**NOWHERE, "country": "AT"}


def test_a_file_cut_under_the_reader_does_no_harm(city: Path) -> None:
    """A5: while a copy over the file is under way it is short; the old one still answers, and nothing crashes."""
    places = read(city)
    before = refreshed(places)
    whole = city.read_bytes()
    with capture_logs() as logged:
        os.truncate(city, 0)
        assert refreshed(places) == before
        city.write_bytes(whole)
        assert refreshed(places) == before
    assert [entry["event"] for entry in logged] == ["geoip.unreadable", "geoip.read"]


def test_a_missing_file_is_logged_once_and_read_when_it_comes(tmp_path: Path) -> None:
    """A5: a database that is not there costs the place, and one line in the log; once there, it is used."""
    path = tmp_path / "late.mmdb"
    places = geo.GeoLookup([path])
    with capture_logs() as logged:
        assert [refreshed(places) for _ in range(3)] == [None] * 3
    assert [entry["event"] for entry in logged] == ["geoip.unreadable"]
    assert logged[0]["path"] == str(path)
    write_database(path, "GeoLite2-Country", {"203.0.113.0/24": {"country": {"iso_code": "DE"}}})
    assert refreshed(places) == {**NOWHERE, "country": "DE"}


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0"])
def test_no_database_is_logged_once(tmp_path: Path, content: bytes) -> None:
    """A5: a file that is none costs the place, and one line in the log for each state of the file."""
    path = tmp_path / "broken.mmdb"
    places = read(path)
    with capture_logs() as logged:
        path.write_bytes(content)
        assert [refreshed(places) for _ in range(3)] == [None] * 3
        path.write_bytes(content + b"another")
        assert refreshed(places) is None
    assert [entry["event"] for entry in logged] == ["geoip.unreadable"] * 2


def test_a_damaged_database_is_logged_once(city: Path, asn: Path) -> None:
    """A5: data that cannot be decoded costs its own part of the place only, and one line in the log."""
    data = city.read_bytes()
    metadata = data.rindex(b"\xab\xcd\xefMaxMind.com")
    section = data.index(b"\0" * 16) + 16
    city.write_bytes(data[:section] + b"\xff" * (metadata - section) + data[metadata:])
    places = read(city, asn)
    with capture_logs() as logged:
        for _ in range(3):
            assert refreshed(places) == {**NOWHERE, "asn": 16509, "organization": "AMAZON-02"}
    assert [e["event"] for e in logged if e["log_level"] == "warning"] == ["geoip.unreadable"]


def test_a_database_of_another_kind_is_named(tmp_path: Path) -> None:
    """A5: a database that knows neither places nor networks is said to be of no use, and which are."""
    path = write_database(tmp_path / "other.mmdb", "GeoIP2-Connection-Type", {"203.0.113.0/24": BERLIN})
    with capture_logs() as logged:
        assert read(path).look_up("203.0.113.7") is None
    (entry,) = logged
    assert "GeoIP2-Connection-Type" in entry["error"]
    assert "City" in entry["error"]


def test_a_look_up_asks_no_disk(city: Path) -> None:
    """A5: places come from memory alone, as they are looked up in the event loop: a slow disk holds up no alert."""
    places = read(city)
    before = places.look_up("203.0.113.7")
    city.unlink()
    with capture_logs() as logged:
        assert places.look_up("203.0.113.7") == before
    assert logged == []
