"""The ACLs of a worker's user: ``topics apply --acls`` adds what is missing, ``topics check --acls`` names it.

Which ACLs count, according to Kafka's ``StandardAuthorizer``:

- An ACL on a prefix or on ``*`` counts like one on the name. The broker finds all of them (pattern type MATCH).
- An ACL counts for its principal; that of ``User:*`` counts for everybody. A worker may run anywhere, so an Allow
  counts only with host ``*``.
- Read, Write, Delete and Alter include Describe; AlterConfigs includes DescribeConfigs; All includes everything.
- One Deny, for any host, outweighs every Allow. Somebody decided it, so it is named and never removed.

librdkafka (2.16) drops the error of DescribeAcls. A refusal, and a broker without an authorizer, then look as if there
were no ACLs. So two questions come first: what this user may do on the cluster, and the broker's
``authorizer.class.name``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tenacity
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from streams.kafka.admin import AccessRefused, BrokerAccess, BrokerError
from streams.topics.rights import worker_rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.settings import Settings
    from streams.topics.rights import Right

_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
_INCLUDED_IN = {
    AclOperation.DESCRIBE: {AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER},
    AclOperation.DESCRIBE_CONFIGS: {AclOperation.ALTER_CONFIGS},
}
_EVERYBODY = "User:*"
_ANY_HOST = "*"
_SEEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RightStatus:
    """Which operations of a right a principal has.

    Attributes:
        right: the right that is needed.
        missing: its operations that no ACL allows.
        denied: its operations, and Describe, that an ACL denies.
    """

    right: Right
    missing: tuple[str, ...]
    denied: tuple[str, ...]

    def problems(self, principal: str) -> list[str]:
        """One sentence about missing operations and one about denied ones; empty if nothing is wrong."""
        return ([f"{self._resource}: {principal} is missing {', '.join(self.missing)}"] if self.missing else []) + (
            [self.denial(principal)] if self.denied else []
        )

    def denial(self, principal: str) -> str:
        """A sentence about what is denied, with the fix."""
        return f"{self._resource}: an ACL denies {principal} {', '.join(self.denied)}; remove it by hand if it is wrong"

    def grant(self, principal: str) -> str:
        """A sentence about what was granted."""
        return f"{self._resource}: {principal} may {', '.join(self.missing)}"

    @property
    def _resource(self) -> str:
        return f"{self.right.kind} {self.right.name}"


def right_status(right: Right, principal: str, acls: Iterable[AclBinding]) -> RightStatus:
    """Compare the ACLs on a resource, of any pattern type, with what a principal needs there."""
    own = [acl for acl in acls if acl.principal in (principal, _EVERYBODY)]
    allowed = {acl.operation for acl in own if acl.permission_type == AclPermissionType.ALLOW and acl.host == _ANY_HOST}
    denied = {acl.operation for acl in own if acl.permission_type == AclPermissionType.DENY}

    def allows(name: str) -> bool:
        operation = _OPERATIONS[name]
        return not allowed.isdisjoint({operation, AclOperation.ALL, *_INCLUDED_IN.get(operation, ())})

    needed = dict.fromkeys((*right.operations, "Describe"))  # without Describe, no other operation is possible
    return RightStatus(
        right,
        missing=tuple(name for name in right.operations if not allows(name)),
        denied=tuple(name for name in needed if not denied.isdisjoint({_OPERATIONS[name], AclOperation.ALL})),
    )


def check_acls(settings: Settings, principal: str) -> list[str]:
    """What a worker's principal is missing or is denied, a sentence per resource. Changes nothing.

    Args:
        settings: the settings of the worker, which name its topics and group.
        principal: Kafka's name of the worker's user, such as ``User:rootwatch``.

    Raises:
        BrokerUnreachable: no broker answers; worth another try.
        AccessRefused: the credentials are refused, or Describe on the cluster is missing.
        BrokerError: the broker refuses for another reason, for example because it has no authorizer.
    """
    with BrokerAccess(settings) as access:
        _require(_cluster_rights(access), "Describe", "DescribeAcls")
        return [
            problem
            for status in _right_statuses(access, principal, worker_rights(settings))
            for problem in status.problems(principal)
        ]


def apply_acls(settings: Settings, principal: str) -> tuple[list[str], list[str]]:
    """Grant a worker's principal what is missing, on literal names; a second call changes nothing.

    Returns:
        What was granted, and what an ACL still denies, a sentence per resource.

    Raises:
        As ``check_acls``; granting also needs Alter on the cluster. What was granted before an error stays granted.
    """
    with BrokerAccess(settings) as access:
        allowed = _cluster_rights(access)
        _require(allowed, "Describe", "DescribeAcls")
        statuses = _right_statuses(access, principal, worker_rights(settings))
        to_grant = [status for status in statuses if status.missing]
        if to_grant:
            _require(allowed, "Alter", "CreateAcls")
        for status in to_grant:
            _grant(access, principal, status)
        _wait_until_seen(access, principal, [status.right for status in to_grant])
        granted = [status.grant(principal) for status in to_grant]
        return granted, [status.denial(principal) for status in statuses if status.denied]


def _cluster_rights(access: BrokerAccess) -> set[str]:
    """What this user may do on the cluster.

    Raises:
        BrokerError: the brokers have no authorizer, and so enforce no rights.
    """
    asked = access.client.describe_cluster(include_authorized_operations=True)
    cluster = access.result("cluster", "Describe", asked)
    resource = ConfigResource(ResourceType.BROKER, str(cluster.nodes[0].id))
    (future,) = access.client.describe_configs([resource]).values()
    try:
        authorizer = access.result("cluster", "DescribeConfigs", future).get("authorizer.class.name")
    except AccessRefused:  # so there is an authorizer
        authorizer = None
    if authorizer is not None and not authorizer.value:
        raise BrokerError("cluster: DescribeAcls: the brokers have no authorizer, and enforce no rights")
    return {operation.name.capitalize() for operation in cluster.authorized_operations or ()}


def _require(allowed: set[str], operation: str, request: str) -> None:
    if operation not in allowed:
        raise AccessRefused(f"cluster: {request}: it needs {operation} on the cluster, which this user does not have")


def _right_statuses(access: BrokerAccess, principal: str, rights: Sequence[Right]) -> list[RightStatus]:
    asked = [(right, access.client.describe_acls(_on(right))) for right in rights]
    return [
        right_status(right, principal, access.result(f"{right.kind} {right.name}", "DescribeAcls", future))
        for right, future in asked
    ]


def _on(right: Right) -> AclBindingFilter:
    """A filter for every ACL on a resource, for any principal."""
    return AclBindingFilter(
        _KINDS[right.kind],
        right.name,
        ResourcePatternType.MATCH,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _grant(access: BrokerAccess, principal: str, status: RightStatus) -> None:
    right = status.right
    target = (_KINDS[right.kind], right.name, ResourcePatternType.LITERAL, principal, _ANY_HOST)
    bindings = [AclBinding(*target, _OPERATIONS[name], AclPermissionType.ALLOW) for name in status.missing]
    for future in access.client.create_acls(bindings).values():
        access.result(f"{right.kind} {right.name}", "CreateAcls", future)


def _wait_until_seen(access: BrokerAccess, principal: str, rights: Sequence[Right]) -> None:
    """Wait until a broker shows the new ACLs, so that a worker that starts now is not refused.

    If a broker needs longer than ``_SEEN_SECONDS``, it catches up by itself: the controller has added the ACLs.
    """
    tenacity.Retrying(
        retry=tenacity.retry_if_result(bool),
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_delay(_SEEN_SECONDS),
        retry_error_callback=lambda _state: None,
    )(lambda: any(status.missing for status in _right_statuses(access, principal, rights)))
