"""Far behind the end of a topic that holds little of use, responses are asked for ahead; nothing is lost by that."""

from __future__ import annotations

import random
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from pairs import alerts_sent, assert_each_pair_alerted_under_one_id, records
from worker_process import SOON_MISSED, Deployment, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

PAIRS = 300
OTHERS = 100  # records that no rule takes, for each one that the rule takes
OTHER_BYTES = 3_000


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=4)
    made = Deployment(broker.bootstrap, names, tmp_path, {"standby_replicas": "1", **SOON_MISSED})
    made.apply_topics()
    return made


def rarely(produced: list[dict[str, Any]]) -> Iterator[Any]:
    """These records, far apart; what lies between them does not compress to nothing."""
    chance = random.Random(1)  # noqa: S311  no secret
    others = [b'{"eventName": "%s"}' % chance.randbytes(OTHER_BYTES // 2).hex().encode() for _ in range(500)]
    return chain.from_iterable((*(chance.choice(others) for _ in range(OTHERS)), record) for record in produced)


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_workers_come_and_go_over_a_backlog(deployment: Deployment, codec: str) -> None:
    """A2: while responses are ahead a worker joins and another is killed; each pair alerts under one id."""
    produced = list(records(PAIRS))
    deployment.produce(rarely(produced), **{"compression.type": codec})
    with ExitStack() as running:
        first = running.enter_context(deployment.worker("first"))
        wait_for(lambda: alerts_sent(first), "the first worker is at work")
        second = running.enter_context(deployment.worker("second"))
        deployment.produce(rarely(list(records(PAIRS, tag="later"))), **{"compression.type": codec})
        second.wait_until_ready()
        first.kill()
        wait_for(deployment.all_done, "all offsets are committed")
        assert second.terminate() == 0, second.tail()
    assert_each_pair_alerted_under_one_id(deployment, [*produced, *records(PAIRS, tag="later")])
