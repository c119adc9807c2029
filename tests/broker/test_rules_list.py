"""``rootwatch rules list`` on a real broker: entries, alerts and state come from the changelog and the alert topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sightings import RULE
from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE = "arn:aws:iam::111111111111:user/alice"


def listed(deployment: Deployment, *arguments: str) -> Iterator[dict[str, object]]:
    done = deployment.run("rules", "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return (json.loads(line) for line in done.stdout.splitlines())


def test_a_rule_that_a_worker_has_met(deployment: Deployment) -> None:
    """U12: tuples of all partitions and alerts are counted; a rule that has met nothing says so."""
    (before,) = listed(deployment)
    assert (before["state"], before["entries"], before["alerts"]) == ("unmet", 0, 0)
    records = [assume_root(ALICE), assume_root(ALICE, "333333333333"), assume_root(ALICE + "2")]
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([{"Records": [*records, assume_root(ALICE, time="2026-03-04T08:00:00Z")]}])
        wait_for(deployment.all_done, "all offsets are committed")
        rules = {rule["rule_id"]: rule for rule in listed(deployment, "--rule", "shipped")}
    found = rules.pop(RULE.id)
    assert (found["state"], found["entries"], found["alerts"]) == ("on", 3, 3)
    assert {rule["state"] for rule in rules.values()} == {"unmet"}
