"""Networks of addresses, from the operator's databases (U2)."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cloudtrail_messages import RECORD
from maxmind import AMAZON, BERLIN, write_database
from sightings import RULE, RULES

from streams.fields.view import Network
from streams.pipeline import sight
from streams.rules.rule_set import RuleSet
from streams.settings import Settings
from streams.settings.networks import Networks, without_networks

if TYPE_CHECKING:
    from pathlib import Path

    from streams.rules.rule import Rule

OF_AMAZON = Network(16509, "AMAZON-02")


def rule_of_networks(query: str = "source.as.number: 16509", terms: tuple[str, ...] = ("event.action",)) -> Rule:
    return replace(RULE, event_source=None, event_name=None, incomplete="count", query=query, terms=terms)


@pytest.fixture
def asn(tmp_path: Path) -> Path:
    return write_database(tmp_path / "asn.mmdb", "GeoLite2-ASN", {"192.0.2.0/24": AMAZON, "2001:db8::/32": AMAZON})


@pytest.mark.parametrize(
    ("address", "expected"),
    [("192.0.2.10", OF_AMAZON), ("2001:db8::1", OF_AMAZON), ("198.51.100.1", None), ("2001:db9::1", None)],
)
def test_an_address_has_the_network_of_the_database(asn: Path, address: str, expected: Network | None) -> None:
    """U2: number and organization are those of the database; an address that it does not have has no network."""
    networks = Networks([asn])
    assert (networks(address), networks(address)) == (expected, expected)


def test_a_copy_in_another_process_looks_up_alike(asn: Path) -> None:
    """U13: the processes of a backtest open the database for themselves."""
    networks = Networks([asn])
    networks("192.0.2.10")
    copy = pickle.loads(pickle.dumps(networks))  # noqa: S301  its own bytes
    assert copy == networks
    assert copy("192.0.2.10") == OF_AMAZON


def test_a_changed_file_is_read_again(asn: Path) -> None:
    """U2: an operator may replace the database under a running worker."""
    networks = Networks([asn])
    assert networks("192.0.2.10") == OF_AMAZON
    other = {"autonomous_system_number": 64496, "autonomous_system_organization": "EXAMPLE"}
    os.replace(write_database(asn.with_name("new"), "GeoLite2-ASN", {"192.0.2.0/24": other}), asn)  # noqa: PTH105  as cp does
    networks.refresh()
    assert networks("192.0.2.10") == Network(64496, "EXAMPLE")


def test_what_is_no_database_of_networks_is_as_good_as_none(tmp_path: Path) -> None:
    """U2: databases of places, damaged and missing files have no networks, and stop nothing."""
    city = write_database(tmp_path / "city.mmdb", "GeoLite2-City", {"192.0.2.0/24": BERLIN})
    damaged = tmp_path / "damaged.mmdb"
    damaged.write_bytes(b"no database")
    networks = Networks([city, damaged, tmp_path / "missing.mmdb"])
    assert networks.is_empty
    assert networks("192.0.2.10") is None


@pytest.mark.parametrize(
    "rule", [rule_of_networks(), rule_of_networks("event.action: *", ("source.as.organization.name",))]
)
def test_rules_that_need_networks_are_named_if_there_are_none(asn: Path, rule: Rule) -> None:
    """U2: a query or a term may need them; the shipped rule does not."""
    assert without_networks(RuleSet([rule]), []) == [rule.id]
    assert without_networks(RuleSet([rule]), [asn]) == []
    assert without_networks(RULES, []) == []


def test_the_setting_gives_the_values_of_a_record(asn: Path) -> None:
    """U2, U3: with a database in geoip_database a rule takes a record by its network, and without one it does not."""
    rules = RuleSet([rule_of_networks(terms=("source.as.number", "source.as.organization.name"))])
    value = json.dumps(RECORD).encode()
    with_database = Settings(geoip_database=(asn,)).extract_settings()
    [sighting] = sight(value, rules, with_database).sightings
    assert sighting.values == ("16509", "AMAZON-02")
    assert sight(value, rules, Settings().extract_settings()).sightings == ()
