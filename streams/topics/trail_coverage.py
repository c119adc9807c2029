"""What the newest records of a topic tell of the trail behind it: whose they are, where from, of which kind, how late.

A worker does not notice what is never recorded. With a trail of one region, or one without reads, it looks healthy.

The fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
What a rule needs of a trail: ``docs/cloudtrail-to-kafka.md``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from streams.extraction.event_time import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.record import Record

ENOUGH_RECORDS = 100
"""So many records without a read, or of one region, are no chance: most of what an account does is to read."""

GLOBAL_REGION = "us-east-1"
"""Where the standard partition records IAM and console sign-ins; other partitions have regions of their own for it."""

_OTHER_PARTITIONS = ("us-gov-", "us-iso", "cn-", "eusc-", "eu-isoe-")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}", re.ASCII)
_READ = {True: "read", "true": "read", False: "write", "false": "write"}
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Gap(NamedTuple):
    """What these records lack, in words, and whether a rule is surely blind for it; else it may be meant so."""

    text: str
    is_sure: bool


@dataclass(slots=True)
class TrailCoverage:
    """Counts what records tell of their trail.

    Attributes:
        records: how many there were.
        accounts: how many each account received (``recipientAccountId``).
        regions: how many each region recorded (``awsRegion``).
        kinds: how many are a ``read`` or a ``write`` (``readOnly``).
        delays: milliseconds from ``eventTime`` to the Kafka timestamp, of those that have both.
    """

    records: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    delays: list[int] = field(default_factory=list)

    def add(self, record: Record, kafka_time: int | None) -> None:
        """Count a record; ``kafka_time`` is its message's Kafka timestamp in milliseconds, ``None`` if it has none."""
        self.records += 1
        for counts, name, form in self._named():
            value = record.fields.get(name)
            if isinstance(value, str) and form.fullmatch(value):
                counts[value] += 1
        read_only = record.fields.get("readOnly")
        if isinstance(read_only, bool | str) and (kind := _READ.get(read_only)):
            self.kinds[kind] += 1
        if kafka_time is not None and (time := parse_time(record.fields.get("eventTime"))) is not None:
            self.delays.append(max(0, kafka_time - time))

    def _named(self) -> tuple[tuple[Counter[str], str, re.Pattern[str]], ...]:
        """Counters of what is shown, and the form that AWS gives it: a forged value may be a secret and is left out."""
        return (self.accounts, "recipientAccountId", _ACCOUNT), (self.regions, "awsRegion", _REGION)

    def __str__(self) -> str:
        """What was found, in one sentence."""
        whose = [_counted(len(self.accounts), "account"), _counted(len(self.regions), "region")]
        parts = [f"{_counted(self.records, 'record')} of {whose[0]} in {whose[1]}"]
        if known := self.kinds.total():
            parts.append(f"{100 * self.kinds['read'] / known:.0f} % are reads")
        if self.delays:
            ordered = sorted(self.delays)
            half = _duration(ordered[len(ordered) // 2])
            parts.append(f"from the call to Kafka half of them took up to {half}, all up to {_duration(ordered[-1])}")
        return "; ".join(parts)

    def gaps(self) -> Iterator[Gap]:
        """What the records lack; nothing if they are too few to tell."""
        if self.records < ENOUGH_RECORDS:
            return
        if self.kinds.total() >= ENOUGH_RECORDS:
            yield from self._kinds_missing()
        if len(self.accounts) == 1:
            (account,) = self.accounts
            yield Gap(
                f"all are of account {account}: alerts need the account that calls AssumeRoot, sessions and other "
                "rules every member account",
                is_sure=False,
            )
        yield from self._regions_missing()

    def _kinds_missing(self) -> Iterator[Gap]:
        if not self.kinds["read"]:
            yield Gap(
                "none is a read: a trail of writes only, or an EventBridge rule in state ENABLED, also leaves out "
                "AssumeRole, and perhaps AssumeRoot",
                is_sure=True,
            )
        if not self.kinds["write"]:
            yield Gap("none is a write: a trail of reads only leaves out what most rules look for", is_sure=True)

    def _regions_missing(self) -> Iterator[Gap]:
        regions = sorted(self.regions)
        if not regions or any(region.startswith(_OTHER_PARTITIONS) for region in regions):
            return
        if len(regions) == 1:
            yield Gap(
                f"all are of {regions[0]}: AssumeRoot is recorded in the region of its endpoint, IAM and sign-ins in "
                f"{GLOBAL_REGION}",
                is_sure=False,
            )
        elif GLOBAL_REGION not in regions:
            yield Gap(f"none is of {GLOBAL_REGION}: IAM and sign-ins are recorded there only", is_sure=False)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _duration(milliseconds: int) -> str:
    """The two largest units of a duration that are not zero, the second cut off."""
    for unit, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if milliseconds >= unit:
            rest = milliseconds % unit // smaller
            return f"{milliseconds // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{milliseconds / _SECOND:.1f} s"
