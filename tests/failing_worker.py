"""A worker on a bad day: ``python failing_worker.py`` with one of these.

* ``detect ACCOUNT``: the decision on a member account's sighting raises what nobody foresaw.
* ``sight TEXT PLACES``: reading a message that holds this text raises the same; the places are what ``--skip`` takes.
* ``filter TEXT PLACES``: the fetch filter's look at it does, too.
* ``disk BYTES``: no file may grow beyond so many bytes, so that RocksDB meets a real write error, as on a full disk.
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
    """Have the worker fail when it decides on a sighting of this member account."""
    detect = pipeline.detect

    def failing(sighting: Sighting, *args: Any) -> pipeline.Decision:
        if sighting.member_account == account:
            raise RuntimeError("nobody foresaw this")
        return detect(sighting, *args)

    setattr(pipeline, "detect", failing)  # noqa: B010  a plain assignment of another signature is a type error


def fail_in_sight(text: bytes) -> None:
    """Have the worker fail when it reads a message that holds this text."""
    sight = pipeline.sight

    def failing(value: bytes | None, *args: Any) -> pipeline.SightResult:
        if value is not None and text in value:
            raise RuntimeError("nobody foresaw this")
        return sight(value, *args)

    setattr(pipeline, "sight", failing)  # noqa: B010  as above


def fail_in_filter(text: bytes) -> None:
    """Have the worker fail when its fetch filter looks at a message that holds this text."""
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
    loaded, places = settings.load(), list[str]()
    match sys.argv[1:]:
        case ["sight" | "filter" as where, text, *places]:
            fail_in_sight(text.encode())
            if where == "filter":
                fail_in_filter(text.encode())
        case ["detect", account]:
            fail_on(account)
        case ["disk", size]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    run(loaded, parse_skips(places, loaded))
