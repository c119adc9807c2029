"""A worker that fails: ``python failing_worker.py`` with one of these.

* ``detect ACCOUNT``: the decision on a sighting of this member account raises an unexpected error.
* ``sight TEXT RECORDS``: reading a message with this text raises it; the records are for ``--skip``.
* ``filter TEXT RECORDS``: the fetch filter raises it for a message with this text; the records are for ``--skip``.
* ``disk BYTES``: no file may grow beyond so many bytes, so that RocksDB gets a real write error, as on a full disk.
"""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING, Any

from streams import pipeline, settings
from streams.worker.process import run
from streams.worker.skips import parse_skips

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.extraction.sighting import Sighting


def fail_on(account: str) -> None:
    """Make the worker fail when it decides on a sighting of this member account."""
    detect = pipeline.detect

    def failing(sighting: Sighting, *args: Any) -> pipeline.Decision:
        if sighting.member_account == account:
            raise RuntimeError("nobody foresaw this")
        return detect(sighting, *args)

    setattr(pipeline, "detect", failing)  # noqa: B010  a plain assignment of another signature is a type error


def fail_in_sight(text: bytes) -> None:
    """Make the worker fail when it reads a message with this text."""
    sight = pipeline.sight

    def failing(value: bytes | None, *args: Any) -> pipeline.SightResult:
        if value is not None and text in value:
            raise RuntimeError("nobody foresaw this")
        return sight(value, *args)

    setattr(pipeline, "sight", failing)  # noqa: B010  as above


def fail_in_filter(text: bytes) -> None:
    """Make the worker fail when its fetch filter tests a message with this text."""
    compile_selector = pipeline.compile_selector

    def failing_selector(*args: Any) -> Callable[[bytes | bytearray | None], bytes | bytearray | None]:
        select = compile_selector(*args)

        def failing(value: bytes | bytearray | None) -> bytes | bytearray | None:
            if value is not None and text in value:
                raise RuntimeError("nobody foresaw this")
            return select(value)

        return failing

    setattr(pipeline, "compile_selector", failing_selector)  # noqa: B010  as above


if __name__ == "__main__":
    loaded, skipped = settings.load(), list[str]()
    match sys.argv[1:]:
        case ["sight" | "filter" as where, text, *skipped]:
            fail_in_sight(text.encode())
            if where == "filter":
                fail_in_filter(text.encode())
        case ["detect", account]:
            fail_on(account)
        case ["disk", size]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    run(loaded, parse_skips(skipped, loaded))
