"""Turns messages into sightings of the span, and counts, by way of the pipeline.

Rules:
- Bytes without any mark of a rule are not parsed, because reading would cost six times as much as decompressing. Only
  their first and last bytes are checked: if these are not those of JSON, the bytes are parsed after all, to say what is
  wrong with them (R3).
- A small input is parsed completely (``thorough``), so that every error in it is named.
- If root's actions are followed, a message with a mark of root alone is parsed for its actions and for nothing else. So
  sightings, counts and rejections are the same whether they are followed or not (S14).
- The span is of event time for files, and of Kafka timestamps for topics. For a record without a Kafka timestamp it is
  of event time. A record without a readable time is within the span.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import structs

from streams import pipeline
from streams.backtest.reading.marks import Marks, MarkTests
from streams.backtest.reading.outside import begins_with_a_line, looks_whole
from streams.backtest.reading.read_stats import Location, ReadStats, Rejection
from streams.backtest.reading.stored_sighting import standing_for
from streams.backtest.sources.file_messages import in_blocks
from streams.backtest.sources.span import Span
from streams.content import gzipped
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.wire.single_object import MAGIC as SINGLE_OBJECT
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from confluent_kafka import Message

    from streams.backtest.reading.record_prefilter import Narrowed
    from streams.backtest.reading.tasks import ReadSettings
    from streams.extraction.sighting import Origin, Sighting
    from streams.pipeline import ExtractSettings, Rejected, SightResult
    from streams.sessions.action import Action

_BLANKS = b" \t\r\n"
_OPEN, _CLOSE = b"{}"
_SEAM = 1024
# A chunk is handed over once the records of its sightings take about this much.
_CHUNK_BYTES = 4 * 1024 * 1024


class Reader:
    """Reads messages one after the other; ``take`` hands over what was gathered since the last call."""

    def __init__(self, read_settings: ReadSettings) -> None:
        self.settings = read_settings
        self._thorough = read_settings.thorough
        self._unread = Marks(of_rule=self._thorough, any=self._thorough)
        self._marks = MarkTests(read_settings.rules, read_settings.extract_settings)
        self._follows = read_settings.extract_settings.follow_sessions
        self._sightings_alone = replace(read_settings.extract_settings, follow_sessions=False)
        self.stats = ReadStats()
        self.sightings: list[Sighting] = []
        self.actions: list[Action] = []
        self._held = 0

    @property
    def max_message_size(self) -> int:
        """The maximum size of a message in bytes, decompressed."""
        return self.settings.extract_settings.max_message_size

    @property
    def is_full(self) -> bool:
        """Whether enough is gathered to be handed over."""
        return self._held >= _CHUNK_BYTES

    def take(self) -> tuple[ReadStats, list[Sighting], list[Action]]:
        """Hand over the counts, sightings and actions gathered so far, and start again with none."""
        taken = self.stats, self.sightings, self.actions
        self.stats, self.sightings, self.actions, self._held = ReadStats(), [], [], 0
        return taken

    def file(self, pieces: Iterable[bytes | bytearray], path: str) -> Iterable[bytes]:
        """Read a file that is one message, in decompressed pieces.

        A file that is larger than a message may be is rejected. But if each of its lines is a message, it is returned
        in blocks, for ``lines``; else nothing is returned.
        """
        bound = self.max_message_size
        held: list[bytes | bytearray] = []
        size, found = 0, self._unread
        following = iter(pieces)
        for piece in following:
            # A mark is shorter than a seam, so it lies within a piece or within the seam of two.
            found = self._marks.add(found, piece)
            if held and not found.of_rule:
                found = self._marks.add(found, held[-1][-_SEAM:] + piece[:_SEAM])
            held.append(piece)
            size += len(piece)
            if size > bound:
                return self._too_large(held, following, Location(path))
        self.stats.messages += 1
        is_one_piece = len(held) == 1
        ends = held[0] if is_one_piece else b"".join((*held[:1], *held[-1:]))
        is_read = found.of_rule or not looks_whole(ends)
        self.stats.unmarked += not is_read
        if not is_one_piece and (is_read or found.any):
            held[:] = [b"".join(held)]  # it may be large, so only one copy is held
        if is_read and found.of_rule and is_one_piece:  # the mark is known to be in it
            self._read(held.pop(), Location(path), None)
        elif is_read:
            self._message(held.pop(), Location(path))
        elif found.any:
            self._follow(held.pop(), NO_TIMESTAMP)
        return ()

    def whole_members(self, stored: bytes, path: str) -> bool:
        """Read the whole members of a damaged gzip file, as the worker reads them in a message (R7).

        The damaged bytes are rejected. Return whether there are whole members; without one, the file is not a message.
        """
        try:
            has_members = bool(gzipped.spans(stored, self.max_message_size))
        except gzipped.TooLargeError:
            return False
        if has_members:
            self.stats.messages += 1
            self._message(stored, Location(path))
        return has_members

    def _too_large(
        self, held: list[bytes | bytearray], following: Iterator[bytes | bytearray], location: Location
    ) -> Iterable[bytes]:
        if begins_with_a_line(held):
            held.reverse()
            beginning = (held.pop() for _ in range(len(held)))
            return in_blocks(chain(beginning, following), self.max_message_size)
        self.stats.messages += 1
        error = (
            f"larger than {self.max_message_size} bytes, decompressed: raise max_message_size, or name the file .jsonl"
            " if each of its lines is a message"
        )
        self.stats.reject(Rejection(location, "too-large", error))
        return ()

    def lines(self, block: bytes, path: str, first: int) -> int:
        """Read a block of whole lines, each a message. ``first`` is the first line's number. Returns the next number.

        Blank lines are no messages.
        """
        found = self._marks.add(self._unread, block)
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, first):
            if found.of_rule:
                if line.strip(_BLANKS):
                    self.stats.messages += 1
                    self._message(line, Location(path, number))
            elif line and line[0] == _OPEN and line[-1] == _CLOSE:
                self.stats.messages += 1
                self.stats.unmarked += 1
                if found.any:
                    self._follow(line, NO_TIMESTAMP)
            elif line.strip(_BLANKS):
                self.stats.messages += 1
                self._message(line, Location(path, number))
        return first + len(lines)

    def records(self, records: Sequence[Message]) -> None:
        """Read Kafka records: CloudTrail in any shape, or sightings."""
        self.stats.messages += len(records)
        values: list[bytes] = [record.value() or b"" for record in records]
        read = 0
        for number in range(len(values)) if self._thorough else self._marks.suspects(values):
            value = values[number]
            if not value:
                read += 1  # a tombstone holds nothing (R5)
            elif self._thorough or self._marks.any(value) or not looks_whole(value):
                read += self._record(value, records[number])
        self.stats.unmarked += len(records) - read

    def _record(self, value: bytes, record: Message) -> bool:
        """Read a record. Return whether it was read for its sightings, not for its actions alone."""
        from streams.kafka.origin import origin_of  # noqa: PLC0415  files need no Kafka client, which is slow to import

        origin = origin_of(record)
        location = Location(f"{origin.topic}[{origin.partition}]", origin.offset)
        if value.startswith(SINGLE_OBJECT):
            self._stored(value, location, origin)
            return True
        if self._follows and self._is_unmarked(value):
            self._follow(value, origin.timestamp)
            return False
        self._read(value, location, origin)
        return True

    def _stored(self, value: bytes, location: Location, origin: Origin) -> None:
        """Read a stored sighting: extract it again from its record, because this run's settings may differ."""
        from streams.wire.sighting import decode  # noqa: PLC0415  few replays need it: its codec takes time to make

        try:
            stored = decode(value)
        except WireError as error:
            self.stats.reject(Rejection(location, "malformed", str(error)))
            return
        read = self._take(stored.record.encode(), None, location, stored.origin, self._sightings_alone)
        for taken in standing_for(stored, read.sightings, self.settings.rules):
            self._keep(origin.timestamp, structs.replace(taken, teaching=stored.teaching))

    def _message(self, value: bytes | bytearray, location: Location) -> None:
        if len(value) <= self.max_message_size and self._is_unmarked(value):
            self.stats.unmarked += 1
            self._follow(value, NO_TIMESTAMP)
        else:
            self._read(value, location, None)

    def _is_unmarked(self, value: bytes | bytearray) -> bool:
        """Whether a message is not read for sightings: it has no mark of the rule, and looks whole."""
        return not (self._thorough or self._marks.of_rule(value)) and looks_whole(value)

    def _read(self, value: bytes | bytearray, location: Location, origin: Origin | None) -> None:
        """Read a message for its sightings, and for its actions if they are followed."""
        timestamp = NO_TIMESTAMP if origin is None else origin.timestamp
        narrowed, of_any = (None, None) if self._thorough else self._marks.narrow(value)
        # Mostly the same bytes are to be read for sightings and for actions.
        is_same = of_any == narrowed
        how = self.settings.extract_settings if is_same else self._sightings_alone
        sight = self._take(value, narrowed, location, origin, how)
        for sighting in sight.sightings:
            self._keep(timestamp, sighting)
        self._keep_actions(timestamp, sight.actions)
        if not is_same:
            self._follow_in(value, of_any, timestamp)

    def _follow(self, value: bytes | bytearray, timestamp: int) -> None:
        """Read a message for its actions alone, if they are followed."""
        if self._follows and self._marks.any(value):
            self._follow_in(value, self._marks.narrow_to_any(value), timestamp)

    def _follow_in(self, value: bytes | bytearray, narrowed: Narrowed | None, timestamp: int) -> None:
        content = bytes(value if narrowed is None else narrowed.value)
        sight = pipeline.sight(content, self.settings.rules, self.settings.extract_settings)
        self._keep_actions(timestamp, sight.actions)

    def _take(
        self,
        value: bytes | bytearray,
        narrowed: Narrowed | None,
        location: Location,
        origin: Origin | None,
        extract_settings: ExtractSettings,
    ) -> SightResult:
        """Read a message, or what it was narrowed to, and count what is in it."""
        if narrowed is not None:
            value = narrowed.value
            self.stats.records += narrowed.left_out
        span = self.settings.span
        by_event = origin is None or origin.timestamp == NO_TIMESTAMP
        is_counted = span.__contains__ if by_event and span != Span() else None
        sight = pipeline.sight(bytes(value), self.settings.rules, extract_settings, origin, is_counted=is_counted)
        self.stats.records += sum(sight.records.values())
        self.stats.take(sight.rules)
        for rejected in sight.rejected:
            if origin is None and self._lies_outside(rejected):
                self.stats.outside_span += 1
                continue
            element = -1 if rejected.element is None else rejected.element
            if narrowed is not None and element >= 0:
                element = narrowed.elements[element]
            self.stats.reject(
                Rejection(Location(location.source, location.number, element), rejected.reason, rejected.error)
            )
        return sight

    def _lies_outside(self, rejected: Rejected) -> bool:
        """Whether it is an incomplete success with a known event time outside of the span."""
        time = rejected.partial.event_time if rejected.partial else None
        return time is not None and time not in self.settings.span

    def _keep(self, timestamp: int, sighting: Sighting) -> None:
        """Count a sighting, and keep it if it lies within the span."""
        if not self._is_within(timestamp, sighting.event.time):
            self.stats.outside_span += 1
            return
        self.stats.sightings += 1
        self.sightings.append(sighting)
        self._held += len(sighting.record)

    def _keep_actions(self, timestamp: int, actions: Iterable[Action]) -> None:
        """Keep the actions that lie within the span."""
        for action in actions:
            if self._is_within(timestamp, action.event.time):
                self.actions.append(action)
                self._held += len(action.event.request_parameters or "")

    def _is_within(self, timestamp: int, event_time: int) -> bool:
        return (event_time if timestamp == NO_TIMESTAMP else timestamp) in self.settings.span
