"""Shows what would be sent, and sends nothing; it joins no group and commits nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.kafka.readers.published import PublishedReader, Source, UnreadableValue
from streams.notices.decoding import Decoder
from streams.notices.messages import text
from streams.notices.messages.compose import Composer
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.notices.messages.compose import Choice
    from streams.notices.messages.notice import Notice
    from streams.notices.sending.service import Service
    from streams.settings import Settings


class Preview(NamedTuple):
    """A notice as some services would be told it.

    Attributes:
        notice: the notice.
        services: their names; none if no URL is given.
        words: the text.
    """

    notice: Notice
    services: tuple[str, ...]
    words: text.Text

    def __str__(self) -> str:
        whom = ", ".join(self.services) or "nobody: no URL is given"
        notice = self.notice
        return f"--- {notice.kind} {notice.key} ({notice.severity}) to {whom}\n{self.words.title}\n{self.words.body}\n"


def previews(
    settings: Settings,
    choice: Choice,
    services: Sequence[Service],
    since: int | None,
    unreadable: Callable[[UnreadableValue], None],
) -> Iterator[Preview]:
    """What would be sent of everything that is on the topics now.

    Args:
        settings: how to reach the cluster and the registry.
        choice: what is told.
        services: who would be told.
        since: leave out what has an older Kafka timestamp (milliseconds).
        unreadable: is told of values that cannot be read.

    Raises:
        OperatorError: the cluster or the registry cannot be reached or refuses, or there is no alert topic.
    """
    names = topic_names(settings)
    composer, decoder = Composer(names, choice), Decoder(settings)
    with PublishedReader(settings) as reader:
        for topic in composer.topics:
            spans = reader.spans(topic, since=since, may_be_missing=topic != names.alerts)
            for number, value in enumerate(reader.read(Source(topic, decoder.decoders[topic]), spans)):
                if isinstance(value, UnreadableValue):
                    unreadable(value)
                elif notice := composer.notice(topic, value, (topic, number)):
                    yield from _by_words(notice, services)


def _by_words(notice: Notice, services: Sequence[Service]) -> Iterator[Preview]:
    told: dict[text.Text, list[str]] = {}
    for service in services:
        told.setdefault(service.words(notice), []).append(service.name)
    for words, whom in (told or {text.plain(notice): []}).items():
        yield Preview(notice, tuple(whom), words)
