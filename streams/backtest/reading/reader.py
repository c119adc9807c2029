"""Turns messages into sightings of the span, and counts, by way of the pipeline.

Rules:
- Bytes without any mark of the rule are not parsed, because reading would cost six times as much as decompressing. Only
  their first and last bytes are checked: if these are not those of JSON, the bytes are parsed after all, to say what is
  wrong with them (R3).
- A small input is parsed completely (``thorough``), so that every error in it is named.
- If root's actions are followed, every message is parsed: most of them have no mark of the rule.
- The span is of event time for files, and of Kafka timestamps for topics. For a record without a Kafka timestamp it is
  of event time. A record without a readable time is within the span.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from streams import pipeline
from streams.backtest.reading.read_stats import Location, ReadStats, Rejection
from streams.backtest.reading.record_prefilter import narrow
from streams.backtest.reading.root_actions import root_actions
from streams.backtest.sources.file_messages import in_blocks
from streams.content import gzipped, json_text
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.kafka.origin import origin_of
from streams.wire.sighting import decode as decode_sighting
from streams.wire.single_object import MAGIC as SINGLE_OBJECT
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from confluent_kafka import Message

    from streams.backtest.reading.tasks import ReadSettings
    from streams.extraction.sighting import Origin, Sighting
    from streams.pipeline import Rejected
    from streams.sessions.action import Action

_BLANKS = b" \t\r\n"
_OPEN, _CLOSE = b"{}"
_SEAM = 1024
_LINES_LOOKED_AT = 2
# A chunk is handed over once the records of its sightings take about this much.
_CHUNK_BYTES = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class Reader:
    """Reads messages one after the other; ``take`` hands over what was gathered since the last call."""

    def __init__(self, read_settings: ReadSettings) -> None:
        self._settings = read_settings
        self._thorough = read_settings.thorough or read_settings.follow
        self._may_match = pipeline.compile_matcher(read_settings.rule, read_settings.extract_settings)
        self._find_marks = pipeline.compile_finder(read_settings.rule, read_settings.extract_settings)
        self.stats = ReadStats()
        self.sightings: list[Sighting] = []
        self.actions: list[Action] = []
        self._held = 0

    @property
    def max_message_size(self) -> int:
        """The maximum size of a message in bytes, decompressed."""
        return self._settings.extract_settings.max_message_size

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
        size, is_marked = 0, self._thorough
        following = iter(pieces)
        for piece in following:
            # A mark is shorter than a seam, so it lies within a piece or within the seam of two.
            is_marked = is_marked or self._may_match(piece)
            if held and not is_marked:
                is_marked = self._may_match(held[-1][-_SEAM:] + piece[:_SEAM])
            held.append(piece)
            size += len(piece)
            if size > bound:
                return self._too_large(held, following, Location(path))
        self.stats.messages += 1
        ends = held[0] if len(held) == 1 else b"".join((*held[:1], *held[-1:]))
        if not is_marked and looks_whole(ends):
            self.stats.unmarked += 1
            return ()
        if len(held) != 1:
            held[:] = [b"".join(held)]  # it may be large, so only one copy is held
        self._message(held.pop(), Location(path))
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
        is_marked = self._thorough or self._may_match(block)
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, first):
            if is_marked:
                if line.strip(_BLANKS):
                    self.stats.messages += 1
                    self._message(line, Location(path, number))
            elif line and line[0] == _OPEN and line[-1] == _CLOSE:
                self.stats.messages += 1
                self.stats.unmarked += 1
            elif line.strip(_BLANKS):
                self.stats.messages += 1
                self._message(line, Location(path, number))
        return first + len(lines)

    def records(self, records: Sequence[Message]) -> None:
        """Read Kafka records: CloudTrail in any shape, or sightings."""
        self.stats.messages += len(records)
        may_match = self._may_match
        thorough = self._thorough
        read = 0
        for record in records:
            value = record.value()
            if not value:
                read += 1  # a tombstone holds nothing (R5)
            elif (
                thorough or may_match(value) or ((value[0] != _OPEN or value[-1] != _CLOSE) and not looks_whole(value))
            ):
                read += 1
                self._record(value, record)
        self.stats.unmarked += len(records) - read

    def _record(self, value: bytes, record: Message) -> None:
        origin = origin_of(record)
        location = Location(f"{origin.topic}[{origin.partition}]", origin.offset)
        if not value.startswith(SINGLE_OBJECT):
            for sighting in self._take(value, location, origin):
                self._keep_at(origin.timestamp, sighting)
            self._follow(value, origin.timestamp)
            return
        try:
            sighting = decode_sighting(value)
        except WireError as error:
            self.stats.reject(Rejection(location, "malformed", str(error)))
            return
        for taken in self._extract_again(sighting, location):
            self._keep_at(origin.timestamp, taken)

    def _extract_again(self, sighting: Sighting, location: Location) -> list[Sighting]:
        """A stored sighting, extracted again from its record, because this run's settings may differ.

        A record of several member accounts was stored once for each of them. So if the stored terms come out again,
        only they are returned.
        """
        sightings = self._take(sighting.record.encode(), location, sighting.origin)
        same = [
            t for t in sightings if (t.principal, t.member_account) == (sighting.principal, sighting.member_account)
        ]
        return [replace(taken, teaching=sighting.teaching) for taken in same or sightings]

    def _message(self, value: bytes | bytearray, location: Location) -> None:
        is_too_large = len(value) > self.max_message_size
        if not (self._thorough or is_too_large or self._may_match(value)) and looks_whole(value):
            self.stats.unmarked += 1
            return
        for sighting in self._take(value, location, None):
            self._keep(sighting, sighting.event.time)
        self._follow(value, NO_TIMESTAMP)

    def _follow(self, value: bytes | bytearray, timestamp: int) -> None:
        """Keep the root actions of a message that lie within the span, if they are followed."""
        if not self._settings.follow:
            return
        for action in root_actions(bytes(value), self.max_message_size):
            if (action.event.time if timestamp == NO_TIMESTAMP else timestamp) in self._settings.span:
                self.actions.append(action)
                self._held += len(action.event.request_parameters or "")

    def _take(self, value: bytes | bytearray, location: Location, origin: Origin | None) -> tuple[Sighting, ...]:
        narrowed = None if self._thorough else narrow(value, self._may_match, self._find_marks)
        if narrowed is not None:
            value = narrowed.value
            self.stats.records += narrowed.left_out
        sight = pipeline.sight(bytes(value), self._settings.rule, self._settings.extract_settings, origin)
        self.stats.records += sum(sight.records.values())
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
        return sight.sightings

    def _lies_outside(self, rejected: Rejected) -> bool:
        """Whether it is an incomplete success with a known event time outside of the span."""
        time = rejected.partial.event_time if rejected.partial else None
        return time is not None and time not in self._settings.span

    def _keep_at(self, timestamp: int, sighting: Sighting) -> None:
        self._keep(sighting, sighting.event.time if timestamp == NO_TIMESTAMP else timestamp)

    def _keep(self, sighting: Sighting, time: int) -> None:
        """Count a sighting, and keep it if ``time`` lies within the span."""
        if time not in self._settings.span:
            self.stats.outside_span += 1
            return
        self.stats.sightings += 1
        self.sightings.append(sighting)
        self._held += len(sighting.record)


def begins_with_a_line(pieces: Sequence[bytes | bytearray]) -> bool:
    """Whether the first line of a text is a JSON object by itself, or the second line, in case the first is cut."""
    beginning: list[bytes | bytearray] = []
    ends = 0
    for piece in pieces:
        beginning.append(piece)
        ends += piece.count(b"\n")
        if ends >= _LINES_LOOKED_AT:
            return any(map(_is_object, b"".join(beginning).split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]))
    return False


def _is_object(line: bytes | bytearray) -> bool:
    try:
        return isinstance(json_text.parse(bytes(line.removeprefix(_BOM))), dict)
    except json_text.MalformedJsonError:
        return False


def looks_whole(value: bytes | bytearray) -> bool:
    """Whether bytes are blank, or begin and end like JSON that could hold a record."""
    if value[:1] == b"{" and value[-1:] == b"}":
        return True
    text = value.removeprefix(_BOM).strip(_BLANKS)
    return not text or text[:1] + text[-1:] in (b"{}", b"[]")
