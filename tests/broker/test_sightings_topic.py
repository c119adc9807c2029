"""On the sightings topic, junk becomes a dead letter, and records of a newer version are refused."""

from __future__ import annotations

from pairs import pair_of, records
from worker_process import Deployment, pairs_of, wait_for

TOKEN = b"FwoGZXIvYXdzJUNKTOKEN"
JUNK = [b"", b"junk", b"\xc3\x01short", b'{"sessionToken":"' + TOKEN + b'"}', None]


def test_strange_values(deployment: Deployment) -> None:
    """R3, T7: junk becomes a dead letter without tokens, a tombstone is ignored, a newer schema stops the worker."""
    sightings = f"{deployment.topic}.sightings"
    produced = list(records(20))
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce(JUNK, sightings)
        deployment.produce(produced)
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert pairs_of(deployment.alerts()) == set(map(pair_of, produced))
    letters = deployment.read(f"{deployment.topic}.dead-letter")
    values = sorted(letter.value() or b"" for letter in letters)
    assert values == sorted([b"", b"junk", b"\xc3\x01short", b'{"sessionToken":"REDACTED"}'])
    for letter in letters:
        headers = dict(letter.headers())
        assert (headers["reason"], headers["topic"]) == (b"malformed", sightings.encode())
        assert ("redacted" in headers) == (b"REDACTED" in letter.value())

    newer = b"\xc3\x01" + b"\x01\x02\x03\x04\x05\x06\x07\x08" + b"body"
    deployment.produce([newer] * 8, sightings)
    with deployment.worker() as worker:
        assert worker.process.wait(120) == 1, worker.tail()
        (failed,) = [line for line in worker.log.read_text().splitlines() if "worker.failed" in line]
        assert "schema fingerprint 0102030405060708" in failed
        assert "a newer version of rootwatch wrote it" in failed
        assert "Traceback" not in worker.log.read_text()
    assert not deployment.all_done()
