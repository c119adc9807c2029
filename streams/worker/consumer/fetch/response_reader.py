"""Reads a broker's answers off a connection into memory that holds them whole, and hands over fetched records in place.

An answer to a fetch is some megabytes. asyncio's stream copies them twice and stops the socket after each 256 kB, and
aiokafka copies them once more as it takes the answer apart: together that was half of the time of the thread that
fetches. The rules:

* A connection is taken over between two answers, when no request is open: then nothing of one can be lost.
* The kernel writes an answer straight into its place; of a fetch, large fields are views of that place.
* All other answers, and any that does not fit its request, aiokafka reads as before, from the same bytes.
* aiokafka's own reader stays and hears of the connection's end, which it knows how to handle.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, cast

from aiokafka.conn import CloseReason

# Kafka's number for fetch requests and their answers.
FETCH = 1

_SIZE = struct.Struct(">i")
_LARGE = 16 * 1024


def attach(connection: Any) -> None:
    """Read this aiokafka connection's answers in place from now on; does nothing while a request is open."""
    transport = connection._writer.transport  # noqa: SLF001  aiokafka has no other way in
    if not connection._requests and not isinstance(transport.get_protocol(), InPlaceProtocol):  # noqa: SLF001  as above
        transport.set_protocol(InPlaceProtocol(connection, transport.get_protocol()))


class ResponseBuffer:
    """The bytes of an answer as a stream that is read once: small parts are copied, large ones are views."""

    def __init__(self, frame: memoryview) -> None:
        self._frame = frame
        self._place = 0

    def read(self, size: int) -> bytes | memoryview:
        """The next bytes, fewer at the end."""
        start = self._place
        self._place = min(start + size, len(self._frame))
        part = self._frame[start : self._place]
        return part if size >= _LARGE else bytes(part)


class InPlaceProtocol(asyncio.BufferedProtocol):
    """The protocol of a connection that was taken over."""

    def __init__(self, connection: Any, before: asyncio.BaseProtocol) -> None:
        """Read for ``connection``; ``before`` is the protocol that it had."""
        self._connection = connection
        self._before = cast("asyncio.Protocol", before)
        self._begin(bytearray(_SIZE.size), is_size=True)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """Where the next bytes go."""
        return self._frame[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Note that so many bytes have come."""
        self._filled += nbytes
        if self._filled < len(self._frame):
            return
        frame = self._frame
        if self._is_size:
            self._begin(bytearray(*_SIZE.unpack(frame)), is_size=False)
            return
        self._begin(bytearray(_SIZE.size), is_size=True)
        try:
            self._handle(frame)
        except Exception as error:  # noqa: BLE001  as aiokafka's own reader: whatever it is, the connection is of no use
            self._connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)

    def _begin(self, buffer: bytearray, *, is_size: bool) -> None:
        self._frame = memoryview(buffer)
        self._filled = 0
        self._is_size = is_size

    def _handle(self, frame: memoryview) -> None:
        connection = self._connection
        number, request, answered = connection._requests[0]  # noqa: SLF001  aiokafka has no other way in
        if getattr(request, "API_KEY", None) != FETCH or answered.done():
            connection._handle_frame(bytes(frame))  # noqa: SLF001  as above
            return
        answer = ResponseBuffer(frame)
        if request.parse_response_header(answer).correlation_id != number:
            connection._handle_frame(bytes(frame))  # noqa: SLF001  as above
            return
        answered.set_result(request.RESPONSE_TYPE.decode(answer))
        connection._last_action = time.monotonic()  # noqa: SLF001  as above
        connection._requests.popleft()  # noqa: SLF001  as above

    def eof_received(self) -> bool | None:
        """Tell aiokafka's reader of the end."""
        return self._before.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell aiokafka's reader of the end."""
        self._before.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell aiokafka's writer to wait."""
        self._before.pause_writing()

    def resume_writing(self) -> None:
        """Tell aiokafka's writer to go on."""
        self._before.resume_writing()
