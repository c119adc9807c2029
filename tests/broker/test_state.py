"""``rootwatch state`` on a real broker: it shows what a worker has remembered."""

from __future__ import annotations

import json

from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from sightings import RULE, bucket_key, pair_key
from worker_process import Deployment, assume_root, wait_for

from streams.detection.memory import CapBucket, TupleMemory
from streams.kafka.security import producer_options
from streams.settings import Settings
from streams.wire.sighting import key_of_group
from streams.wire.stored.memory import encode_bucket, encode_tuple

ALICE = "arn:aws:iam::111111111111:user/alice"
MARCH = 1_772_323_200_000  # 2026-03-01


def partition_of(principal: str) -> int:
    """The partition that the worker's producer chooses for a principal, of the four of a test's deployment."""
    partition: int = DefaultPartitioner()(key_of_group(RULE.id, principal), list(range(4)), list(range(4)))
    return partition


def terms(account: str) -> list[dict[str, str]]:
    """The terms of Alice and an account, as the command shows them."""
    return [
        {"field": "rootwatch.principal", "value": ALICE},
        {"field": "rootwatch.member_account", "value": account},
    ]


def test_a_principal_that_a_worker_has_seen(deployment: Deployment) -> None:
    """The command shows first and last seen, count and expiry of each pair, or of one account only."""
    again = assume_root(ALICE, time="2026-03-04T08:00:00Z")
    records = [assume_root(ALICE), again, assume_root(ALICE, "333333333333"), assume_root(ALICE + '","x')]
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([{"Records": records}])
        wait_for(deployment.all_done, "all offsets are committed")
        shown = deployment.run("state", ALICE, "--json")
        assert shown.returncode == 0, shown.stderr
        assert [json.loads(line) for line in shown.stdout.splitlines()] == [
            {
                "rule_id": RULE.id,
                "principal": ALICE,
                "member_account": "222222222222",
                "terms": terms("222222222222"),
                "first_seen": "2026-03-01T10:00:00.000Z",
                "last_seen": "2026-03-04T08:00:00.000Z",
                "times_seen": 2,
                "known_until": "2026-03-14T08:00:00.000Z",
            },
            {
                "rule_id": RULE.id,
                "principal": ALICE,
                "member_account": "333333333333",
                "terms": terms("333333333333"),
                "first_seen": "2026-03-01T10:00:00.000Z",
                "last_seen": "2026-03-01T10:00:00.000Z",
                "times_seen": 1,
                "known_until": "2026-03-11T10:00:00.000Z",
            },
        ]
    one = deployment.run("state", ALICE, "333333333333", window="1d")
    assert one.stdout.split("\t") == [
        "333333333333",
        "2026-03-01T10:00:00.000Z",
        "2026-03-01T10:00:00.000Z",
        "1",
        "2026-03-02T10:00:00.000Z\n",
    ]


def test_the_latest_of_each_key_counts(deployment: Deployment) -> None:
    """Rewritten entries show their latest value; deleted entries and those of other principals do not show."""
    changes: list[tuple[str, bytes, bytes | None]] = [
        (ALICE, pair_key(ALICE, "222222222222"), encode_tuple(TupleMemory(MARCH, MARCH, 1))),
        (ALICE, pair_key(ALICE, "333333333333"), encode_tuple(TupleMemory(MARCH, MARCH, 1))),
        (ALICE, pair_key(ALICE, "222222222222"), encode_tuple(TupleMemory(MARCH, MARCH + 60_000, 7))),
        (ALICE, pair_key(ALICE, "333333333333"), None),
        (ALICE, bucket_key(ALICE, MARCH), encode_bucket(CapBucket(MARCH, ("a", "b")))),
        (ALICE, pair_key(f"{ALICE}2", "444444444444"), encode_tuple(TupleMemory(MARCH, MARCH, 1))),
    ]
    producer = Producer(producer_options(Settings(bootstrap_servers=deployment.bootstrap)))
    for principal, key, value in changes:
        # The principal decides on the table's partition, not the key.
        partition = partition_of(principal)
        producer.produce(f"{deployment.names.group_id}-memory-changelog", value, key, partition=partition)
    assert producer.flush(60) == 0
    shown = deployment.run("state", ALICE, "--json")
    (pair,) = [json.loads(line) for line in shown.stdout.splitlines()]
    assert (pair["member_account"], pair["times_seen"]) == ("222222222222", 7)
    assert pair["last_seen"] == "2026-03-01T00:01:00.000Z"
    assert "the cap remembers 2 of its alerts, in 1 period" in shown.stderr


def test_nothing_remembered_is_exit_1(deployment: Deployment) -> None:
    """As in grep, finding nothing is exit 1, with a message on stderr and nothing on stdout."""
    shown = deployment.run("state", "arn:aws:iam::111111111111:user/nobody\x1b[2J", "222222222222")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == "nothing is remembered of arn:aws:iam::111111111111:user/nobody\\x1b[2J on 222222222222\n"


def test_no_topic_names_the_fix(deployment: Deployment) -> None:
    """Without the changelog topic: exit 1, with the topic and the command that creates it."""
    shown = deployment.run("state", ALICE, group_id="nowhere")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "topic nowhere-memory-changelog: there is no such topic; `rootwatch topics apply` makes it" in shown.stderr


def test_an_account_is_twelve_digits(deployment: Deployment) -> None:
    """A second argument that is not an account id is wrong usage."""
    shown = deployment.run("state", ALICE, "prod")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "ACCOUNT = 'prod'" in shown.stderr
