"""Damaged stores are moved aside and rebuilt; stores ahead of their changelog are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairs import assert_each_pair_alerted_under_one_id, records
from worker_process import Deployment, wait_for

if TYPE_CHECKING:
    from kafka_broker import RunningBroker


def run_to_the_end(deployment: Deployment) -> str:
    """Run a worker until everything is done; return its log."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
        return worker.log.read_text()


def test_damaged_and_ahead(deployment: Deployment, broker: RunningBroker) -> None:
    """M9: a damaged store is rebuilt, and no known pair alerts again. A store ahead of its changelog is exit 1.

    The refusal names the store, the topic and the fix. After the fix the worker starts.
    """
    produced = list(records(200))
    deployment.produce(produced)
    run_to_the_end(deployment)
    run_to_the_end(deployment)  # when it is opened again, RocksDB moves its log into a table file
    tables = deployment.folder / "worker" / "v1" / "tables"
    blocks = next(path for path in sorted(tables.glob("memory-0.db/*.sst")))
    blocks.write_bytes(bytes(byte ^ 0xFF for byte in blocks.read_bytes()[:512]) + blocks.read_bytes()[512:])
    (tables / "memory-1.db" / "CURRENT").write_text("nonsense")

    deployment.produce(records(200, time="2026-03-01T10:05:00Z"))
    log = run_to_the_end(deployment)
    assert log.count("state.damaged") == 2
    for name in ("memory-0.db", "memory-1.db"):
        assert len(list(tables.glob(f"{name}.damaged-*"))) == 1
    assert_each_pair_alerted_under_one_id(deployment, produced)

    changelog = f"{deployment.names.group_id}-memory-changelog"
    admin = broker.admin()
    admin.delete_topics([changelog])[changelog].result(60)
    wait_for(lambda: changelog not in broker.admin().list_topics(timeout=60).topics, "the changelog is gone")
    deployment.apply_topics()
    done = deployment.run("worker", state_dir=str(deployment.folder / "worker"))
    assert done.returncode == 1
    (refusal,) = done.stderr.splitlines()
    assert str(tables / "memory-0.db") in refusal
    assert f"is ahead of topic {changelog}, partition 0" in refusal
    assert "Restore the topic; or move" in refusal

    (deployment.folder / "worker").rename(deployment.folder / "moved-away")
    run_to_the_end(deployment)


def test_a_changelog_made_anew(deployment: Deployment, broker: RunningBroker) -> None:
    """M9: a recreated changelog is noticed even if it has grown past the store's offset.

    Otherwise the worker would go on with a store that misses the topic's records before its offset.
    """
    deployment.produce(records(50))
    run_to_the_end(deployment)
    changelog = f"{deployment.names.group_id}-memory-changelog"
    admin = broker.admin()  # kept, because a request ends without its client
    admin.delete_topics([changelog])[changelog].result(60)
    wait_for(lambda: changelog not in broker.admin().list_topics(timeout=60).topics, "the changelog is gone")
    deployment.apply_topics()
    deployment.produce(records(400, tag="later-"))
    with deployment.worker("second") as other:
        other.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert other.terminate() == 0, other.tail()
    done = deployment.run("worker", state_dir=str(deployment.folder / "worker"))
    assert done.returncode == 1
    (refusal,) = done.stderr.splitlines()
    assert f"was kept from another topic than {changelog} is now" in refusal
    assert f"move {deployment.folder / 'worker'} away" in refusal
