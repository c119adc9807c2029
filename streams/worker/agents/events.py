"""Faust's events and streams, as the agents use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from streams.worker.delivery import Delivery


class Carrier(Protocol):
    """Faust's message, which carries a delivery.

    Attributes:
        value: the messages.
        generation_id: the generation of the consumer group in which they were delivered.
    """

    value: Delivery
    generation_id: int


class Event(Protocol):
    """A delivery in a stream."""

    @property
    def message(self) -> Carrier:
        """Faust's message."""

    def ack(self) -> bool:
        """Note that all of its messages are done."""


class Queue(Protocol):
    """A stream's queue of events."""

    @property
    def _queue(self) -> Iterable[Event]: ...

    def empty(self) -> bool:
        """Whether the queue is empty."""

    def full(self) -> bool:
        """Whether an event would have to wait until another one is taken."""


class Channel(Protocol):
    """The channel that a stream reads."""

    @property
    def queue(self) -> Queue:
        """The queue."""


class Stream(Protocol):
    """An agent's stream."""

    @property
    def channel(self) -> Channel:
        """The channel that it reads."""

    def noack(self) -> Stream:
        """The stream, with events that are acknowledged by hand."""

    def events(self) -> AsyncIterator[Event]:
        """The events, as they arrive."""
