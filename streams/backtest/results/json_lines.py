"""The output of a replay: alerts as JSON lines, and files that are opened before anything is read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from streams.errors import OperatorError, UsageError
from streams.wire.alert import to_json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision


class OutputError(OperatorError):
    """An output cannot be written; the message names it and says why."""


@contextmanager
def writing(name: str) -> Iterator[None]:
    """Turn a failure to write into OutputError, which names the output.

    BrokenPipeError is raised as it is: a reader that closes the pipe (``rootwatch backtest … | head``) is no error.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{name}: cannot be written: {error.strerror or error}") from error


def check_apart(outputs: Mapping[str, Path | None], paths: Iterable[str]) -> None:
    """Check that no output overwrites an input or another output; a device may be both.

    Args:
        outputs: the paths of the outputs, by option.
        paths: the paths of the inputs. A folder among them may hold outputs: these are then no input.

    Raises:
        UsageError: an output is one of the other files.
    """
    taken = {os.path.realpath(path): "it is also an input" for path in paths}
    for option, path in outputs.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken and (path.is_file() or not path.exists()):
            raise UsageError(f"{option} {path}: {taken[real]}; choose another file")
        taken[real] = f"{option} is written there"


@contextmanager
def opened(option: str, path: Path) -> Iterator[BinaryIO]:
    """Create the file that an option names, and close it afterwards.

    Raises:
        UsageError: it cannot be created.
        OutputError: buffered bytes cannot be written.
    """
    try:
        stream = path.open("wb")
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from error
    try:
        yield stream
    finally:
        with writing(str(path)):
            stream.close()


class AlertLines:
    """Writes each alert as one line, with ``"overflow": true`` if live it goes to the overflow topic (A3, U11)."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Write to an open stream; ``name`` is its name in error messages."""
        self._stream = stream
        self._name = name

    def on_decision(self, _sighting: Sighting, decision: Decision) -> None:
        """Write the decision's alert, if it has one; ``OutputError`` if that fails."""
        if decision.alert is None:
            return
        line = to_json_line(decision.alert.fields(), overflow=decision.outcome != "alert")
        with writing(self._name):
            # UTF-8 has no lone surrogates. As a backslash escape, one is the same text in JSON.
            self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")

    def flush(self) -> None:
        """Write buffered bytes; ``OutputError`` if that fails."""
        with writing(self._name):
            self._stream.flush()
