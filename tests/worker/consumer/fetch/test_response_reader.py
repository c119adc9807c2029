"""Responses that are read in place are the same as aiokafka reads, however the bytes arrive."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.consumer.fetch.response_reader import InPlaceProtocol, ResponseBuffer, attach

RECORDS = bytes(range(256)) * 100  # large enough to be a view
PREPARED = FetchRequest(0, 0, 0, 0, []).prepare({FetchRequest.API_KEY: (4, 4)})
TOPICS = [("t", [(0, 0, 7, 7, None, RECORDS), (1, 0, 9, 9, None, b"")])]


class Connection:
    """aiokafka's connection, as the protocol uses it; keeps what it gets."""

    def __init__(self) -> None:
        self._requests: deque[tuple[int, Any, asyncio.Future[Any]]] = deque()
        self._last_action = 0.0
        self.handled: list[bytes] = []
        self.closed: list[Exception | None] = []
        self._writer = self
        self.transport = self
        self.protocol: asyncio.BaseProtocol = asyncio.Protocol()

    def ask(self, number: int, request: Any) -> asyncio.Future[Any]:
        """Await the response to a request."""
        future: asyncio.Future[Any] = asyncio.Future()
        self._requests.append((number, request, future))
        return future

    def _handle_frame(self, frame: bytes) -> None:
        self._requests.popleft()
        self.handled.append(frame)

    def close(self, *, reason: Any, exc: Exception | None) -> None:
        """Note the reason."""
        assert reason is not None
        self.closed.append(exc)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The current protocol."""
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the protocol."""
        self.protocol = protocol


def fetched(number: int) -> bytes:
    """A fetch response on the wire."""
    return frame(struct.pack(">i", number) + PREPARED.RESPONSE_TYPE(0, TOPICS).encode())


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def feed(protocol: InPlaceProtocol, data: bytes, cuts: list[int]) -> None:
    """Give bytes as the event loop does: as many as have arrived, into the protocol's buffer."""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        piece = memoryview(data)[start:end]
        while piece:
            place = protocol.get_buffer(-1)
            size = min(len(place), len(piece))
            place[:size] = piece[:size]
            protocol.buffer_updated(size)
            piece = piece[size:]


@given(places=st.lists(st.integers(0, 2 * len(RECORDS)), max_size=6))
def test_answers_come_back_whole_however_they_are_cut(places: list[int]) -> None:
    """A fetch response and its neighbours are read completely, wherever the bytes were split on their way."""

    async def read() -> None:
        connection = Connection()
        protocol = InPlaceProtocol(connection, asyncio.Protocol())
        metadata = MetadataRequest([]).prepare({MetadataRequest.API_KEY: (1, 1)})
        connection.ask(1, metadata)
        first, second = connection.ask(2, PREPARED), connection.ask(3, PREPARED)
        data = frame(b"an answer to something else") + fetched(2) + fetched(3)
        feed(protocol, data, sorted(min(place, len(data)) for place in places))
        assert connection.handled == [b"an answer to something else"]
        assert [future.result().topics for future in (first, second)] == [TOPICS, TOPICS]
        assert (not connection._requests, connection.closed) == (True, [])  # noqa: SLF001  aiokafka's own name

    asyncio.run(read())


def test_large_fields_are_views_and_small_ones_copies() -> None:
    """Records are views of the buffer that the kernel wrote; small fields are bytes."""
    answer = ResponseBuffer(memoryview(b"abc" + RECORDS))
    assert answer.read(3) == b"abc"
    records = answer.read(len(RECORDS))
    assert isinstance(records, memoryview)
    assert records == RECORDS
    assert answer.read(4) == b""


@pytest.mark.parametrize("answered", [True, False])
def test_what_does_not_fit_its_request_is_left_to_aiokafka(answered: bool) -> None:  # noqa: FBT001  a table's column
    """A response with a wrong number, or one that nothing waits for, is left to aiokafka."""

    async def read() -> Connection:
        connection = Connection()
        future = connection.ask(1, PREPARED)
        if answered:
            future.cancel()
        feed(InPlaceProtocol(connection, asyncio.Protocol()), fetched(1 if answered else 8), [])
        return connection

    assert asyncio.run(read()).handled == [fetched(1 if answered else 8)[4:]]


@pytest.mark.parametrize("body", [b"", struct.pack(">i", 1) + b"\x00\x00\x00\x00\x7f\xff"])
def test_nonsense_closes_the_connection(body: bytes) -> None:
    """An unreadable response, or one without a request, closes the connection, as in aiokafka's reader."""

    async def read() -> Connection:
        connection = Connection()
        if body:
            connection.ask(1, PREPARED)
        feed(InPlaceProtocol(connection, asyncio.Protocol()), frame(body or b"unasked"), [])
        return connection

    (error,) = asyncio.run(read()).closed
    assert error is not None


def test_a_connection_is_taken_over_once_and_between_answers() -> None:
    """While a request is open a connection is not taken over: bytes of its response may have arrived already."""

    async def take() -> None:
        connection = Connection()
        future = connection.ask(1, PREPARED)
        before = connection.protocol
        attach(connection)
        assert connection.protocol is before
        future.cancel()
        connection._requests.clear()  # noqa: SLF001  aiokafka's own name
        attach(connection)
        protocol = connection.protocol
        assert isinstance(protocol, InPlaceProtocol)
        attach(connection)
        assert connection.protocol is protocol

    asyncio.run(take())
