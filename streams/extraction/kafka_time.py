"""Kafka timestamps that are not the time of a record, and their likely causes.

A broker stores any timestamp that a producer sends. Kafka itself writes -1 for "no timestamp" (``NO_TIMESTAMP`` in its
``RecordBatch``).
"""

from __future__ import annotations

from streams.extraction.event_time import format_time

NO_TIMESTAMP = -1

_UNSET_IN_NET_AND_GO = -62_135_596_800_000  # 0001-01-01T00:00:00Z
_DAY = 86_400_000  # an unset local time may differ from it by some hours
_FIRST_CLOUDTRAIL = 1_384_300_800_000  # 2013-11-13, when AWS announced CloudTrail
_YEAR_2100 = 4_102_444_800_000
_MILLISECONDS = 1_000


def explain_odd_timestamp(timestamp: int) -> str | None:
    """Explain a Kafka timestamp from before CloudTrail existed; ``None`` for any other timestamp.

    Args:
        timestamp: milliseconds since the epoch, any 64-bit integer but ``NO_TIMESTAMP``.
    """
    if timestamp >= _FIRST_CLOUDTRAIL:
        return None
    return f"{timestamp} ({_shown(timestamp)}): {_cause(timestamp)}"


def _cause(timestamp: int) -> str:
    if timestamp == 0:
        return "the producer set none"
    if timestamp <= _UNSET_IN_NET_AND_GO + _DAY:
        return "the producer set none, year 1 is an unset time in .NET and Go"
    if _FIRST_CLOUDTRAIL <= timestamp * _MILLISECONDS < _YEAR_2100:
        return "the producer wrote seconds, not milliseconds"
    return "the producer's clock is wrong, CloudTrail is younger than that"


def _shown(timestamp: int) -> str:
    try:
        return format_time(timestamp)
    except OverflowError:
        return "before year 1"
