"""The worker on a real broker, from CloudTrail bytes to alerts."""

from __future__ import annotations

from worker_process import Deployment, assume_root, pairs_of, wait_for


def test_bytes_in_alert_out(deployment: Deployment) -> None:
    """A successful AssumeRoot by a new pair alerts once; the same pair again and everything else stays silent."""
    record = assume_root()
    other = {**assume_root(), "eventName": "AssumeRole"}
    failed = assume_root(account="444444444444", errorCode="AccessDenied")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([other, record, {"Records": [record, assume_root()]}, failed, None, b"", b"{cut"])
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    alerts = deployment.alerts()
    assert pairs_of(alerts) == {("arn:aws:iam::111111111111:user/alice", "222222222222")}
    assert len(alerts) == 1
    assert alerts[0]["origin"]["topic"] == deployment.names.source_topic


def test_health_asks_this_worker(deployment: Deployment) -> None:
    """`rootwatch health` with the worker's settings is 0 while it runs, also for readiness, and 1 afterwards."""
    with deployment.worker(http_host="0.0.0.0") as worker:  # noqa: S104  as in a container
        worker.wait_until_ready()
        where = {"http_host": "0.0.0.0", "http_port": str(worker.port)}  # noqa: S104
        for options in ((), ("--ready",)):
            done = deployment.run("health", *options, **where)
            assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert worker.terminate() == 0, worker.tail()
    assert deployment.run("health", **where).returncode == 1
