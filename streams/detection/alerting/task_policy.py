"""What a session under a task policy can do, by the rule's list."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "unknown"


def risk(task_policy: str | None, task_policies: Mapping[str, str]) -> str | None:
    """Return what a session under this task policy can do.

    Args:
        task_policy: its ARN as recorded.
        task_policies: the rule's list, by ARN. Partitions do not matter: a policy listed under ``arn:aws:`` is the same
            policy under ``arn:aws-cn:`` and ``arn:aws-us-gov:``.

    Returns:
        The rule's words; ``unknown`` for a policy that the rule does not list; ``None`` without a policy.
    """
    if task_policy is None:
        return None
    name = _without_partition(task_policy)
    for arn, words in task_policies.items():
        if _without_partition(arn) == name:
            return words
    return UNKNOWN


def short_name(task_policy: str) -> str:
    """Return the policy's name: the last part of its ARN."""
    return task_policy.rpartition("/")[2] or task_policy


@lru_cache(maxsize=1024)
def _without_partition(arn: str) -> str:
    scheme, _, rest = arn.partition(":")
    partition, _, resource = rest.partition(":")
    return resource if scheme == "arn" and partition.split("-", 1)[0] == "aws" else arn
