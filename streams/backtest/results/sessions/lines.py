"""The sessions of a replay as JSON lines: all activity in order of time, then all summaries (S14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

from streams.backtest.order import Sorter
from streams.backtest.results.json_lines import writing
from streams.wire.sessions.published import to_json_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.backtest.following import ReplayedSession


class _Line(NamedTuple):
    """A line of output and what it is sorted by: summaries come after all activity."""

    is_summary: bool
    time: int
    event_id: str
    session_id: str
    text: str


class SessionLines:
    """Takes sessions in any order, whatever their number, and writes their lines. Use it as a context."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Write to an open stream; ``name`` is its name in error messages."""
        self._stream = stream
        self._name = name
        self._lines: Sorter[_Line] = Sorter(tuple, size=_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()

    def on_session(self, session: ReplayedSession) -> None:
        """Take the lines of one session; ``OutputError`` if the disk is full."""
        self._lines.add(_lines(session))

    def write(self) -> None:
        """Write all lines; nothing may be added afterwards.

        Raises:
            OutputError: the file cannot be written.
        """
        with writing(self._name):
            for line in self._lines.sorted():
                self._stream.write(line.text.encode() + b"\n")
            self._stream.flush()


def _lines(session: ReplayedSession) -> Iterator[_Line]:
    for activity in session.activities:
        yield _Line(
            is_summary=False,
            time=activity.event.time,
            event_id=activity.event.id,
            session_id=activity.session_id,
            text=to_json_line(activity),
        )
    summary = session.summary
    yield _Line(
        is_summary=True,
        time=summary.grant.time,
        event_id="",
        session_id=summary.session_id,
        text=to_json_line(summary),
    )


def _size(line: _Line) -> int:
    return len(line.text)
