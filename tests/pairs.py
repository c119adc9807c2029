"""AssumeRoot records of many pairs, and the claims about their alerts after crashes and outages."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sightings import pair_key
from worker_process import accounts, assume_root

from streams.wire import sighting as sighting_codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker_process import Deployment, Worker


def records(count: int, *, principals: int = 40, tag: str = "", **fields: Any) -> Iterator[dict[str, Any]]:
    """AssumeRoot records, each with its own pair; another ``tag`` gives other principals."""
    for number, account in enumerate(accounts(-(-count // principals))):
        for principal in range(min(principals, count - number * principals)):
            yield assume_root(f"arn:aws:iam::111111111111:user/{tag}{principal}", account, **fields)


def pair_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The pair of a record."""
    return record["userIdentity"]["arn"], record["requestParameters"]["targetPrincipal"]


def alert_ids(deployment: Deployment) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """The topics and ids of each pair's alerts; a repeat under the same id counts once."""
    ids: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for topic in ("alerts", "alerts.overflow"):
        for alert in deployment.alerts(topic):
            ids[alert["principal"]["arn"], alert["member_account"]["id"]].add((topic, alert["alert_id"]))
    return ids


def assert_each_pair_alerted_under_one_id(deployment: Deployment, produced: Iterable[Mapping[str, Any]]) -> None:
    """Assert that every produced pair has an alert in one of the two topics, and only one id (A1, A2, A3)."""
    ids = alert_ids(deployment)
    assert set(ids) == {pair_of(record) for record in produced}
    assert {pair: found for pair, found in ids.items() if len(found) > 1} == {}


def assert_commits_are_kept(deployment: Deployment) -> None:
    """Assert that committed source records are in the sightings topic, committed sightings in the changelog (A2)."""
    source, sightings = deployment.names.source_topic, f"{deployment.topic}.sightings"
    sent = [(message, sighting_codec.decode(message.value())) for message in deployment.read(sightings)]
    pairs = {(sighting.principal, sighting.member_account) for _, sighting in sent}
    done = deployment.committed(source)
    read = [message for message in deployment.read(source) if message.offset() < done[message.partition()]]
    assert {pair_of(json.loads(message.value())) for message in read} <= pairs
    done = deployment.committed(sightings)
    decided = {
        pair_key(sighting.principal, sighting.member_account)
        for message, sighting in sent
        if message.offset() < done[message.partition()]
    }
    assert decided
    assert decided <= {message.key() for message in deployment.read(f"{deployment.names.group_id}-memory-changelog")}


def alerts_sent(worker: Worker) -> float:
    """How many alerts a worker has sent since it started, by its metric, without overflow."""
    found = re.findall(rb"^rootwatch_alerts_total\{.*\} (\S+)$", worker.get("/metrics")[1], re.MULTILINE)
    return sum(map(float, found))
