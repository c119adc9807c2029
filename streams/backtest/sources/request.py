"""Which part of the past to replay, from the command line, checked before anything is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from streams.backtest.sources.span import Span
from streams.errors import UsageError
from streams.settings.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class ReplayRequest(Struct, frozen=True):
    """What to replay.

    Attributes:
        paths: paths of files and folders, and ``s3://`` addresses; empty for a topic.
        topic: a topic; ``None`` for files.
        span: of event time for files, of Kafka timestamps for a topic.
        from_offsets: where to begin, by partition; the other partitions begin at their start.
        to_offsets: where to end (exclusive), by partition; the other partitions end where they end now.
        apart: files that this run writes, which are no input.
        thorough: parse every message, also those without any mark of the rule.
    """

    paths: tuple[str, ...] = ()
    topic: str | None = None
    span: Span = field(default_factory=Span)
    from_offsets: dict[int, int] = field(default_factory=dict)
    to_offsets: dict[int, int] = field(default_factory=dict)
    apart: tuple[Path, ...] = ()
    thorough: bool = False


def replay_request(  # noqa: PLR0913  one for each option of the command line
    paths: Iterable[str],
    topic: str | None,
    *,
    start: str | None = None,
    end: str | None = None,
    from_offset: str | None = None,
    to_offset: str | None = None,
    apart: tuple[Path, ...] = (),
    thorough: bool = False,
) -> ReplayRequest:
    """Check and read the options that say what to replay.

    Raises:
        UsageError: they contradict each other, or one cannot be read.
    """
    paths = tuple(paths)
    if topic is not None and not topic:
        raise UsageError("--topic '': give the topic's name")
    if bool(paths) == bool(topic):
        raise UsageError("give files, folders or s3:// addresses, or else --topic; one of them and not both")
    if topic is None and (from_offset, to_offset) != (None, None):
        raise UsageError("--from-offset and --to-offset need --topic: files have no offsets")
    if None not in (start, from_offset):
        raise UsageError("--from and --from-offset both say where to begin; give one")
    if None not in (end, to_offset):
        raise UsageError("--to and --to-offset both say where to end; give one")
    span = Span(_time("--from", start), _time("--to", end))
    if span.start is not None and span.end is not None and span.start >= span.end:
        raise UsageError(f"--from {start} is not before --to {end}; --from is inclusive and --to exclusive")
    return ReplayRequest(
        paths,
        topic,
        span,
        _offsets("--from-offset", from_offset),
        _offsets("--to-offset", to_offset),
        apart,
        thorough,
    )


def _time(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}") from error


def _offsets(option: str, text: str | None) -> dict[int, int]:
    """``P:O,…`` as offset by partition."""
    offsets: dict[int, int] = {}
    for partition, offset in parse_offsets(option, text) if text is not None else ():
        if partition in offsets:
            raise UsageError(f"{option}: partition {partition} is named twice")
        offsets[partition] = offset
    return offsets


def parse_offsets(option: str, text: str) -> Iterator[tuple[int, int]]:
    """``P:O,…`` as partitions and offsets, in the given order.

    Raises:
        UsageError: an entry has another form.
    """
    for pair in text.split(","):
        partition, colon, offset = (part.strip() for part in pair.partition(":"))
        if not (colon and _is_whole(partition) and _is_whole(offset)):
            raise UsageError(f"{option} {pair.strip()!r}: write partition:offset, such as 0:1500,3:0")
        yield int(partition), int(offset)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19  # noqa: PLR2004  the digits of a 64-bit offset
