"""Reads each response of a broker into one buffer, and hands over fetched records without copying them.

A response to a fetch has some megabytes. asyncio's stream copies it twice and pauses the socket after each 256 kB, and
aiokafka copies it once more when it decodes it. Together that took half of the fetching thread's time. The rules:

* A connection is taken over between two responses, while no request is open. So no part of a response can be lost.
* The kernel writes a response directly into its buffer. Large fields of a fetch are views of that buffer.
* aiokafka reads all other responses, and any response that does not fit its request, as before, from the same bytes.
* aiokafka's own reader stays in place and handles the end of the connection.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, cast

from aiokafka.conn import CloseReason

# Kafka's number for fetch requests and their responses.
FETCH = 1

_SIZE = struct.Struct(">i")
_LARGE = 16 * 1024


def attach(connection: Any) -> None:
    """Read this aiokafka connection's responses in place from now on; does nothing while a request is open."""
    transport = connection._writer.transport  # noqa: SLF001  aiokafka has no public access to it
    if not connection._requests and not isinstance(transport.get_protocol(), InPlaceProtocol):  # noqa: SLF001  as above
        transport.set_protocol(InPlaceProtocol(connection, transport.get_protocol()))


class ResponseBuffer:
    """The bytes of a response, as a stream that is read once: small parts are copied, large ones are views."""

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
    """The asyncio protocol of a connection that was taken over."""

    def __init__(self, connection: Any, before: asyncio.BaseProtocol) -> None:
        """Read for ``connection``, whose protocol was ``before``."""
        self._connection = connection
        self._before = cast("asyncio.Protocol", before)
        self._begin(bytearray(_SIZE.size), is_size=True)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """The buffer for the next bytes."""
        return self._frame[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Note that so many bytes have arrived."""
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
        except Exception as error:  # noqa: BLE001  as in aiokafka's own reader: after any error the connection is useless
            self._connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)

    def _begin(self, buffer: bytearray, *, is_size: bool) -> None:
        self._frame = memoryview(buffer)
        self._filled = 0
        self._is_size = is_size

    def _handle(self, frame: memoryview) -> None:
        connection = self._connection
        number, request, answered = connection._requests[0]  # noqa: SLF001  aiokafka has no public access to it
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
