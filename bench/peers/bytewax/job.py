"""The worker's job in Bytewax: an alert for each pair of principal and member account that is new.

    python job.py BOOTSTRAP SOURCE ALERTS NAME STATE_DIR

Bytewax keeps state in memory and writes what changed to its recovery store (SQLite) at the end of each epoch. Tuned for
throughput: batches of 5,000 messages, epochs of ten seconds, and a producer that waits 20 ms and compresses with zstd.
Records need no topic between reading and deciding: Bytewax hands them from worker to worker, here inside one process.
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.connectors.kafka.operators as kafka
import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

RULE_ID = "aws-sts-assume-root-rare-pair"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "rootwatch")
WINDOW = 10 * 86_400_000  # ten days, in milliseconds
EPOCH = timedelta(seconds=10)


def read(message: KafkaSourceMessage[Any, Any]) -> tuple[str, dict[str, Any]] | None:
    """The pair and the record of a message, if the rule takes it."""
    record = orjson.loads(message.value)
    if (
        record.get("eventSource") != "sts.amazonaws.com"
        or record.get("eventName") != "AssumeRoot"
        or record.get("errorCode")
        or record.get("errorMessage")
    ):
        return None
    return f"{record['userIdentity']['arn']}|{record['requestParameters']['targetPrincipal']}", record


def decide(last: int | None, record: dict[str, Any]) -> tuple[int, list[bytes]]:
    """Remember the pair; return an alert if it is new."""
    seen = int(datetime.fromisoformat(record["eventTime"]).astimezone(UTC).timestamp() * 1000)
    if last is not None and seen - last <= WINDOW:
        return max(seen, last), []
    arn, account = record["userIdentity"]["arn"], record["requestParameters"]["targetPrincipal"]
    identity = json.dumps([RULE_ID, arn, account, record["eventID"]], separators=(",", ":"))
    alert = {
        "alert_id": str(uuid.uuid5(NAMESPACE, identity)),
        "rule": {"id": RULE_ID, "severity": "low"},
        "reason": f"{arn} took root on {account} for the first time",
        "principal": arn,
        "member_account": account,
        "previous_seen": last,
        "time": seen,
        "record": record,
    }
    return seen if last is None else max(seen, last), [orjson.dumps(alert)]


def main() -> None:
    """Run until stopped."""
    bootstrap, source, alerts, _, state_dir = sys.argv[1:]
    flow = Dataflow("first_seen")
    read_from = kafka.input("read", flow, brokers=[bootstrap], topics=[source], batch_size=5_000)
    pairs = op.filter_map("take", read_from.oks, read)
    new = op.stateful_flat_map("decide", pairs, decide)
    messages = op.map("message", new, lambda pair: KafkaSinkMessage(pair[0].encode(), pair[1]))
    producer = {"linger.ms": "20", "compression.type": "zstd", "queue.buffering.max.messages": "200000"}
    kafka.output("write", messages, brokers=[bootstrap], topic=alerts, add_config=producer)
    folder = Path(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    init_db_dir(folder, 1)
    recovery = RecoveryConfig(str(folder), backup_interval=timedelta(0))
    cluster_main(flow, [], 0, epoch_interval=EPOCH, recovery_config=recovery)


if __name__ == "__main__":
    main()
