"""What would change what an imported rule fires on, and cannot be carried over (U12)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from streams.rules.importing.outcome import Change, Difference, Reason
from streams.rules.rule_errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.rules.importing.elastic.elastic_rule import ElasticRule

Said = Reason | Change | Difference

_DATA_STREAM = "logs-aws.cloudtrail-default"
_AS_A_CONDITION = "write it as a condition of the query, then remove it from the file and import again"


def scope(rule: ElasticRule) -> Iterator[Said]:
    """Give what limits the rule beside its query: filters, exceptions, and where it searches."""
    yield from _filters(rule)
    yield from _exceptions(rule)
    if view := rule.table.get("data_view_id"):
        yield _refused(
            rule.place("data_view_id"),
            f"{shown(view)}: nobody can tell from the file which data a data view holds; choose index patterns instead",
        )
    yield from _index(rule)


def reads_filebeat(table: Mapping[str, object]) -> bool:
    """Return whether a rule searches Filebeat's indices."""
    index = table.get("index")
    return isinstance(index, list) and any(_name(pattern).startswith("filebeat") for pattern in index)


def _refused(place: str, text: str) -> Reason:
    return Reason("refused", place, text)


def _filters(rule: ElasticRule) -> Iterator[Said]:
    filters = rule.table.get("filters") or []
    place = rule.place("filters")
    if not isinstance(filters, list):
        yield _refused(place, "must be a list")
        return
    for number, entry in enumerate(filters):
        meta = entry.get("meta") if isinstance(entry, dict) else None
        about = meta if isinstance(meta, dict) else {}
        if about.get("disabled") is True:
            yield Change(f"{place}[{number}]", "is left out: it is disabled")
            continue
        said = about.get("alias") or about.get("key")
        name = f"{shown(said)}: " if said else ""
        yield _refused(f"{place}[{number}]", f"{name}a filter changes what fires; {_AS_A_CONDITION}")


def _exceptions(rule: ElasticRule) -> Iterator[Said]:
    lists = rule.table.get("exceptions_list") or []
    place = rule.place("exceptions_list")
    if not isinstance(lists, list):
        yield _refused(place, "must be a list")
        return
    for number, entry in enumerate(lists):
        name = entry.get("list_id") if isinstance(entry, dict) else None
        if isinstance(name, str) and name in rule.empty_lists:
            yield Change(f"{place}[{number}]", "is left out: the export holds this list without an exception")
            continue
        yield _refused(
            f"{place}[{number}]",
            f"{shown(name)}: exceptions change what fires; write each as `and not …` of the query, or as [[exception]] "
            "with this rule and a query, then remove the list from the file and import again",
        )


def _index(rule: ElasticRule) -> Iterator[Said]:
    index, place = rule.table.get("index"), rule.place("index")
    if not index:
        if not rule.table.get("data_view_id"):
            yield Difference("index", "no index is named, so Elastic searches its default ones; here CloudTrail only")
        return
    if not isinstance(index, list) or not all(isinstance(pattern, str) for pattern in index):
        yield _refused(place, "must be a list of index patterns")
        return
    left_out = [number for number, pattern in enumerate(index) if pattern.startswith("-")]
    for number in left_out:
        if _holds_cloudtrail(index[number][1:]):
            yield _refused(f"{place}[{number}]", f"{shown(index[number])}: leaves out records that are in the topic")
    searched = [pattern for pattern in index if not pattern.startswith("-")]
    others = [pattern for pattern in searched if not _holds_cloudtrail(pattern)]
    if len(others) == len(searched):
        allowed = "rootwatch reads CloudTrail only, as in logs-aws.cloudtrail-* or filebeat-*"
        yield _refused(place, f"{shown(index)}: {allowed}")
    elif others:
        yield Difference("index", f"Elastic searches {', '.join(others)} as well; here CloudTrail only")


def _holds_cloudtrail(pattern: str) -> bool:
    name = _name(pattern)
    return name.startswith("filebeat") or "cloudtrail" in name or fnmatchcase(_DATA_STREAM, name)


def _name(pattern: object) -> str:
    """Return an index pattern without the cluster before it."""
    return str(pattern).rpartition(":")[2].lower()
