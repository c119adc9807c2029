"""The options that the worker's Faust app gets, from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.kafka.security import faust_credentials

if TYPE_CHECKING:
    from streams.settings import Settings

# Records per fetch. With Faust's default of 500, handing records over costs more than filtering them.
POLL_RECORDS = 5000


def faust_options(settings: Settings) -> dict[str, Any]:
    """Return those options of ``faust.App`` that are plain values."""
    session = settings.session_timeout / 1000
    return {
        "broker": [f"kafka://{server}" for server in settings.bootstrap_servers],
        "broker_credentials": faust_credentials(settings),
        "datadir": Path(settings.state_dir),
        "store": "rocksdb://",
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication_factor,
        "topic_allow_declare": False,
        "table_standby_replicas": settings.standby_replicas,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / 5,
        "broker_max_poll_records": POLL_RECORDS,
        "broker_commit_interval": 1.0,
        "consumer_max_fetch_size": 4 * 1024 * 1024,
        "consumer_metadata_max_age_ms": 10_000,  # the longest time until a new topic is seen
        "producer_max_request_size": settings.max_record_size,
        "producer_max_batch_size": 512 * 1024,
        "producer_compression_type": "zstd",
        "stream_wait_empty": False,  # ``Batches`` finishes what is in hand
        "web_enabled": False,
        "worker_redirect_stdouts": False,
    }
