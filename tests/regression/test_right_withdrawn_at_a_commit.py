"""A right that is withdrawn may show first at a commit: the worker's last line then named only the client's class."""

from __future__ import annotations

from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from streams.kafka.admin import AccessRefused
from streams.worker.consumer.consumer import explained


def test_a_refusal_names_resource_and_operation() -> None:
    """P7: wherever the broker refuses, the error names the topic or the group, and what is not allowed."""
    of_topic = explained(TopicAuthorizationFailedError("cloudtrail"), "group-1")
    of_group = explained(GroupAuthorizationFailedError("group-1"), "group-1")
    assert isinstance(of_topic, AccessRefused)
    assert isinstance(of_group, AccessRefused)
    assert str(of_topic) == "topic cloudtrail: Read: not allowed (any more)"
    assert str(of_group) == "group group-1: Read: not allowed (any more)"


def test_other_failures_stay() -> None:
    """Any other failure is told as it is."""
    other = ValueError("other")
    assert explained(other, "group-1") is other
