"""The worker's job in Quix Streams: an alert for each pair of principal and member account that is new.

    python job.py BOOTSTRAP SOURCE ALERTS NAME STATE_DIR

Tuned for throughput: the producer waits 20 ms for a batch and compresses with zstd, and RocksDB does not wait for the
disk (``use_fsync``), because the changelog has every write. Parsing is orjson's in Quix Streams itself.
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from quixstreams import Application, State
from quixstreams.models import TopicConfig
from quixstreams.state.rocksdb import RocksDBOptions

RULE_ID = "aws-sts-assume-root-rare-pair"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "rootwatch")
WINDOW = 10 * 86_400_000  # ten days, in milliseconds


def taken(record: dict[str, Any]) -> bool:
    """Whether the rule takes the record."""
    return (
        record.get("eventSource") == "sts.amazonaws.com"
        and record.get("eventName") == "AssumeRoot"
        and not record.get("errorCode")
        and not record.get("errorMessage")
    )


def principal(record: dict[str, Any]) -> str:
    """The principal of a record."""
    arn: str = record["userIdentity"]["arn"]
    return arn


def decide(record: dict[str, Any], state: State) -> dict[str, Any] | None:
    """Remember the pair; return an alert if it is new."""
    arn, account = principal(record), record["requestParameters"]["targetPrincipal"]
    seen = int(datetime.fromisoformat(record["eventTime"]).astimezone(UTC).timestamp() * 1000)
    last = state.get(account)
    state.set(account, seen if last is None else max(seen, last))
    if last is not None and seen - last <= WINDOW:
        return None
    identity = json.dumps([RULE_ID, arn, account, record["eventID"]], separators=(",", ":"))
    return {
        "alert_id": str(uuid.uuid5(NAMESPACE, identity)),
        "rule": {"id": RULE_ID, "severity": "low"},
        "reason": f"{arn} took root on {account} for the first time",
        "principal": arn,
        "member_account": account,
        "previous_seen": last,
        "time": seen,
        "record": record,
    }


def main() -> None:
    """Run until stopped."""
    bootstrap, source, alerts, name, state_dir = sys.argv[1:]
    app = Application(
        broker_address=bootstrap,
        consumer_group=name,
        auto_offset_reset="earliest",
        state_dir=state_dir,
        rocksdb_options=RocksDBOptions(use_fsync=False),
        producer_extra_config={"linger.ms": 20, "compression.type": "zstd"},
        loglevel="WARNING",
    )
    config = TopicConfig(num_partitions=4, replication_factor=1)
    records = app.dataframe(app.topic(source, value_deserializer="json", config=config))
    pairs = records.filter(taken).group_by(principal, name="principal").apply(decide, stateful=True)
    new = pairs.filter(lambda alert: alert is not None)
    new.to_topic(app.topic(alerts, value_serializer="json", config=config), key=lambda alert: alert["alert_id"])
    app.run()


if __name__ == "__main__":
    main()
