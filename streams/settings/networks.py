"""Looks up the autonomous systems of addresses in the operator's MaxMind databases (U2).

Rules:
- Databases of the types GeoLite2-ASN and GeoIP2-ISP have networks; if several know an address, the last one counts.
- A database is read into memory as a whole. With a memory map, a new file copied over the old one ends the process.
- Nothing is read before the first look-up: most rules need none. A copy in another process reads the files for itself.
- A file that cannot be read, or is damaged, is as good as none; that is logged once per state of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.fields.values import text_of
from streams.fields.view import Network
from streams.rules.rule_set import needs_networks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import maxminddb

    from streams.rules.rule_set import RuleSet

MOST_REMEMBERED = 65_536
"""How many addresses are remembered: few addresses make most calls."""

_KINDS = ("ASN", "ISP")
_IPV4_ONLY = 4
_MISSING = (0, 0, 0)


def without_networks(rules: RuleSet, paths: Sequence[Path]) -> list[str]:
    """Return the ids of the rules that need a database with networks, if none of these files is one."""
    ids = [compiled.rule.id for compiled in rules.rules if needs_networks(compiled)]
    return ids if ids and Networks(paths).is_empty else []


class Networks:
    """The look-up. It is called with addresses in canonical form."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look up in the databases at these paths."""
        self.paths = tuple(paths)
        self._stamps: dict[Path, tuple[int, int, int]] = {}
        self._readers: dict[Path, maxminddb.Reader] = {}
        self._known: dict[str, Network | None] = {}
        self._is_open = False

    def __call__(self, address: str, /) -> Network | None:
        """Return the network of an address; ``None`` if no database has it."""
        if not self._is_open:
            self._read_files()
        known = self._known  # another thread may replace it
        try:
            return known[address]
        except KeyError:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            network = known[address] = self._look_up(address)
            return network

    def refresh(self) -> None:
        """Read the files that have changed, if they are in use."""
        if self._is_open:
            self._read_files()

    def _read_files(self) -> None:
        self._is_open = True
        read = [path for path in self.paths if self._has_read(path)]
        if read:
            self._known = {}

    @property
    def is_empty(self) -> bool:
        """Whether no file is a readable database with networks."""
        if not self._is_open:
            self._read_files()
        return not self._readers

    def _look_up(self, address: str) -> Network | None:
        import maxminddb  # noqa: PLC0415  as below

        number = organization = None
        for path in self.paths:
            reader = self._readers.get(path)
            if reader is None or (":" in address and reader.metadata().ip_version == _IPV4_ONLY):
                continue
            try:
                found: Any = reader.get(address)
            except (ValueError, maxminddb.InvalidDatabaseError) as broken:
                self._warn(path, broken)
                del self._readers[path]
                continue
            if isinstance(found, dict):
                asn = found.get("autonomous_system_number")
                number = asn if isinstance(asn, int) else number
                organization = text_of(found.get("autonomous_system_organization")) or organization
        return None if number is None and organization is None else Network(number, organization)

    def _has_read(self, path: Path) -> bool:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as missing:
            if self._stamps.get(path) != _MISSING:
                self._stamps[path] = _MISSING
                self._warn(path, missing)
            return False
        if stamp == self._stamps.get(path):
            return False
        import maxminddb  # noqa: PLC0415  it is slow to import, and most replays read no database

        self._stamps[path] = stamp
        try:
            reader = maxminddb.open_database(path, mode=maxminddb.MODE_MEMORY)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as unreadable:
            self._warn(path, unreadable)
            return False
        if not any(kind in reader.metadata().database_type for kind in _KINDS):
            return False  # of places, perhaps: alerts read these
        self._readers[path] = reader
        return True

    def _warn(self, path: Path, what: Exception) -> None:
        import structlog  # noqa: PLC0415  it imports rich, an eighth of a command's start

        log = structlog.get_logger(__name__)
        log.warning("networks.unreadable", path=str(path), error=str(what) or repr(what))

    def __eq__(self, other: object) -> bool:
        return self.paths == other.paths if isinstance(other, Networks) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.paths)

    def __reduce__(self) -> tuple[Any, ...]:
        return Networks, (self.paths,)
