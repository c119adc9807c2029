"""What a query sees of a record: the values of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from streams.fields import derived, terms
from streams.fields.catalogue import field_named
from streams.fields.derived import raw_reader
from streams.fields.document import document_reader
from streams.fields.path import texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.fields.catalogue import Field
    from streams.fields.derived import Reader, Texts
    from streams.fields.document import Bodies, Forms


class View(Protocol):
    """A record, seen by its fields."""

    def values(self, field: Field, /) -> tuple[str, ...]:
        """Return the texts of a field's values in the record's order, each once; none if it has none."""


class Network(NamedTuple):
    """The autonomous system of an address. Either may be unknown."""

    number: int | None
    organization: str | None


class NetworkLookup(Protocol):
    """The operator's database of autonomous systems."""

    def __call__(self, address: str, /) -> Network | None:
        """Return the network of an address in canonical form; ``None`` if it is not in the database."""


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """The settings that fields depend on.

    Attributes:
        principal: ``arn`` or ``issuer`` (T3).
        member_account: ``target`` or ``resources`` (T4).
        networks: looks up the networks of addresses; ``None`` if there is no database, so they have no values.
    """

    principal: terms.PrincipalSource = "arn"
    member_account: terms.AccountSource = "target"
    networks: NetworkLookup | None = None


class RecordView:
    """One record, raw or a document. It reads each field once, and raises nothing for any JSON.

    Attributes:
        known: the values of the fields that were asked for, by their first names.
    """

    __slots__ = ("_bodies", "_fields", "_forms", "_settings", "known")

    def __init__(
        self,
        fields: Mapping[str, Any],
        bodies: Bodies | None,
        settings: FieldSettings,
        known: dict[str, Texts] | None = None,
    ) -> None:
        """Look at a record.

        Args:
            fields: the record under CloudTrail's names, redacted (T7); ``rootwatch.*`` fields are always read from it.
            bodies: the objects of a document after ingest, redacted; ``None`` for a raw record.
            settings: the settings.
            known: the values of fields that are known already, by their first names; more are added.
        """
        self._fields = fields
        self._bodies = bodies
        self._settings = settings
        self._forms: Forms = {}
        self.known: dict[str, Texts] = {} if known is None else known

    def values(self, field: Field, /) -> tuple[str, ...]:
        """Return the texts of a field's values in the record's order, each once; none if it has none."""
        name = field.name
        found = self.known.get(name)
        if found is None:
            read = None if self._bodies is not None else _READERS[name]
            found = self.known[name] = self._read(name) if read is None else read(self._fields)
        return found

    def _read(self, name: str) -> Texts:
        if name in _OF_RECORDS:
            return self._read_ours(name)
        if self._bodies is not None:
            return document_reader(name)(self._bodies, self._forms)
        return self._read_network(name)

    def _read_ours(self, name: str) -> Texts:
        match name:
            case "rootwatch.principal":
                principal = terms.principal(self._fields, self._settings.principal)
                return () if principal is None else (principal,)
            case "rootwatch.member_account":
                return terms.member_accounts(self._fields, self._settings.member_account)[0]
            case "rootwatch.issuer_or_arn":
                return derived.issuer_or_arn(self._fields)
        own = self.values(_ACCOUNT)
        if not own and self._bodies is not None:
            own = derived.recorded_account(self._fields)
        return derived.cross_account(self._fields, own)

    def _read_network(self, name: str) -> Texts:
        lookup = self._settings.networks
        if lookup is None:
            return ()
        networks = [network for address in self.values(_ADDRESS) if (network := lookup(address)) is not None]
        if name == "source.as.number":
            return texts_of(network.number for network in networks)
        return texts_of(network.organization for network in networks)


_ACCOUNT = field_named("cloud.account.id")
_ADDRESS = field_named("source.ip")
_OF_RECORDS = frozenset(
    {"rootwatch.principal", "rootwatch.member_account", "rootwatch.issuer_or_arn", "rootwatch.cross_account"}
)
_OF_NETWORKS = frozenset({"source.as.number", "source.as.organization.name"})


class _Readers(dict[str, "Reader | None"]):
    """What reads a field from a raw record alone; ``None`` if the settings have a part in it."""

    def __missing__(self, name: str) -> Reader | None:
        reader = self[name] = None if name in _OF_RECORDS or name in _OF_NETWORKS else raw_reader(name)
        return reader


_READERS = _Readers()
