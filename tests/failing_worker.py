"""A worker on a bad day: ``python failing_worker.py detect ACCOUNT`` or ``python failing_worker.py disk BYTES``.

* ``detect``: the decision on a member account's sighting raises what nobody foresaw.
* ``disk``: no file may grow beyond so many bytes, so that RocksDB meets a real write error, as on a full disk.
"""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING, Any

from streams import pipeline, settings
from streams.commands.worker import run

if TYPE_CHECKING:
    from streams.detection.sighting import Sighting


def fail_on(account: str) -> None:
    """Have the worker fail when it decides on a sighting of this member account."""
    detect = pipeline.detect

    def failing(sighting: Sighting, *args: Any) -> pipeline.Decision:
        if sighting.member_account == account:
            raise RuntimeError("nobody foresaw this")
        return detect(sighting, *args)

    setattr(pipeline, "detect", failing)  # noqa: B010  a plain assignment of another signature is a type error


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["detect", account]:
            fail_on(account)
        case ["disk", size]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    run(settings.load())
