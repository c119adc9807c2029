"""`topics apply` returned when a broker knew a new topic, but the next command found no leader to send to."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import KafkaError, KafkaException

from streams.kafka.admin import BrokerError
from streams.settings import Settings
from streams.topics import admin

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


class Electing:
    """A cluster's admin client; a partition of a new topic has a leader from the third description on."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.described: dict[str, int] = {}
        self.led: set[str] = set()

    def create_topics(self, new: Iterable[Any], **_options: object) -> dict[str, Future[Any]]:
        """Acknowledge immediately."""
        self.made |= {topic.topic: topic for topic in new}
        return {topic.topic: _done(None) for topic in new}

    def describe_topics(self, names: Any, **_options: object) -> dict[str, Future[Any]]:
        """Describe the topics that exist."""
        return {name: self._described(name) for name in names.topic_names}

    def describe_configs(self, resources: Iterable[Any], **_options: object) -> dict[Any, Future[Any]]:
        """Return the configuration with which each topic was created."""
        return {
            resource: _done(
                {key: SimpleNamespace(value=value) for key, value in self.made[resource.name].config.items()}
            )
            for resource in resources
        }

    def _described(self, name: str) -> Future[Any]:
        if name not in self.made:
            return _done(None, KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
        self.described[name] = self.described.get(name, 0) + 1
        leader = object() if self.described[name] > 2 else None
        self.led |= {name} if leader else set()
        return _done(
            SimpleNamespace(
                partitions=[SimpleNamespace(leader=leader, replicas=[object()])] * self.made[name].num_partitions
            )
        )


class Access:
    """``BrokerAccess`` to such a cluster."""

    client: Electing

    def __init__(self, _settings: Settings) -> None:
        pass

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def result(self, what: str, operation: str, future: Future[Any]) -> Any:
        """The answer, or the refusal as an error."""
        try:
            return future.result()
        except KafkaException as refused:
            raise BrokerError(f"{what}: {operation}") from refused


def _done(result: Any, refused: Exception | None = None) -> Future[Any]:
    future: Future[Any] = Future()
    if refused is None:
        future.set_result(result)
    else:
        future.set_exception(refused)
    return future


def test_applied_means_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`topics apply` returns once each partition of the topics that it created has a leader."""
    cluster = Electing()
    monkeypatch.setattr(Access, "client", cluster, raising=False)
    monkeypatch.setattr(admin, "BrokerAccess", Access)
    done, _ = admin.apply_topics(Settings(replication_factor=1))
    assert len(done) == len(cluster.made) > 0
    assert cluster.led == set(cluster.made)
