"""One notice for a flood: alerts above the cap are on the overflow topic, and nobody is told of each."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from streams.notices.messages.notice import Notice, known_severity, short_name, stated
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.notices.messages.notice import Runbook

_SPACE = uuid5(NAMESPACE_URL, "rootwatch")
_HOUR = 3_600_000
_KEPT = 10_000


def overflow_notice(alert: Mapping[str, Any], topic: str, runbook: Runbook) -> Notice:
    """The notice of the overflow that an alert on the overflow topic belongs to.

    An overflow is the alerts of one rule and one first term in an hour of event time, from the full hour on. All of
    them give the same key.

    Args:
        alert: as ``streams.wire.alert.read_alert`` returns it.
        topic: the overflow topic.
        runbook: the link.
    """
    rule, first = alert["rule"], alert["terms"][0]
    severity = known_severity(rule["severity"])
    is_full = alert["novelty"]["kind"] == "unknown"  # then the rule's memory is full, and nobody is over the cap
    hour = alert["event"]["time"] // _HOUR * _HOUR
    what = [rule["id"], "" if is_full else first["value"], hour]
    key = str(uuid5(_SPACE, json.dumps(["overflow", *what], separators=(",", ":"))))
    title = "the memory is full" if is_full else f"too many alerts of {short_name(first['value'])}"
    reason = (
        "The rule remembers as many values as it may, so nobody can tell what is new"
        if is_full
        else f"{first['value']} has reached the cap of alerts"
    )
    return Notice(
        kind="overflow",
        key=key,
        thread=key,
        severity=severity,
        title=f"[{severity}] Overflow, {title}: {rule['id']}",
        reason=f"{reason}; further alerts are on the topic {topic}, whole, and are not told one by one",
        facts=stated(
            {
                "Who": None if is_full else first["value"],
                "When": f"from {to_iso8601(alert['event']['time'])} on; told once per hour of event time",
                "First": alert["alert_id"],
                "Rule": f"{rule['name']}, version {rule['version']}, risk {rule['risk_score']}",
                "Why": alert["reason"],
            }
        ),
        link=runbook.link(rule["id"], None, tuple(rule["references"])),
        alert_id=None,
        lookup=None,
    )


class OverflowsTold:
    """Which overflows have a notice already, and from which record: the newest 10,000."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, object] = OrderedDict()

    def is_news(self, key: str, record: object) -> bool:
        """Whether this record gives an overflow its notice: the first one does, also when it is read again."""
        first = self._records.setdefault(key, record)
        if len(self._records) > _KEPT:
            self._records.popitem(last=False)
        return first == record
