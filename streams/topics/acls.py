"""The ACLs of a worker's user: ``topics apply --acls`` adds what is missing, ``topics check --acls`` names it.

What counts, as Kafka's ``StandardAuthorizer`` has it:

- An ACL on a prefix or on ``*`` counts like one on the name; the broker finds them all (pattern type MATCH).
- It counts for its principal, and as ``User:*`` for everybody; for a worker that may run anywhere only with host ``*``.
- Read, Write, Delete and Alter include Describe; AlterConfigs includes DescribeConfigs; All includes everything.
- One Deny, from whatever host, outweighs every Allow. It is somebody's decision: named, and never removed.

librdkafka (2.16) drops the error of DescribeAcls: to be refused, and a broker without an authorizer, look like no ACLs
at all. So both are asked for first: what this user may do on the cluster, and the broker's ``authorizer.class.name``.
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
    """How a principal stands with one right.

    Attributes:
        right: what is needed.
        missing: its operations that no ACL allows.
        denied: the operations, of these and Describe, that an ACL denies.
    """

    right: Right
    missing: tuple[str, ...]
    denied: tuple[str, ...]

    def problems(self, principal: str) -> list[str]:
        """A sentence for what is missing and one for what is denied; empty if all is well."""
        return ([f"{self._place}: {principal} is missing {', '.join(self.missing)}"] if self.missing else []) + (
            [self.denial(principal)] if self.denied else []
        )

    def denial(self, principal: str) -> str:
        """What is denied, with the fix."""
        return f"{self._place}: an ACL denies {principal} {', '.join(self.denied)}; remove it by hand if it is wrong"

    def grant(self, principal: str) -> str:
        """What was lacking, as done."""
        return f"{self._place}: {principal} may {', '.join(self.missing)}"

    @property
    def _place(self) -> str:
        return f"{self.right.kind} {self.right.name}"


def right_status(right: Right, principal: str, acls: Iterable[AclBinding]) -> RightStatus:
    """Weigh the ACLs that are on a resource, by whatever pattern, against what a principal needs of it."""
    own = [acl for acl in acls if acl.principal in (principal, _EVERYBODY)]
    allowed = {acl.operation for acl in own if acl.permission_type == AclPermissionType.ALLOW and acl.host == _ANY_HOST}
    denied = {acl.operation for acl in own if acl.permission_type == AclPermissionType.DENY}

    def allows(name: str) -> bool:
        operation = _OPERATIONS[name]
        return not allowed.isdisjoint({operation, AclOperation.ALL, *_INCLUDED_IN.get(operation, ())})

    needed = dict.fromkeys((*right.operations, "Describe"))  # nothing can be done with what may not be described
    return RightStatus(
        right,
        missing=tuple(name for name in right.operations if not allows(name)),
        denied=tuple(name for name in needed if not denied.isdisjoint({_OPERATIONS[name], AclOperation.ALL})),
    )


def check_acls(settings: Settings, principal: str) -> list[str]:
    """What a worker's principal lacks or is denied, a sentence for each resource. Changes nothing.

    Args:
        settings: whose topics and group it is about.
        principal: Kafka's name of the worker's user, such as ``User:rootwatch``.

    Raises:
        BrokerUnreachable: no broker answers; worth another try.
        AccessRefused: the credentials are refused, or the right Describe on the cluster.
        BrokerError: the broker refuses for another reason, such as that it has no authorizer.
    """
    with BrokerAccess(settings) as access:
        _require(_cluster_rights(access), "Describe", "DescribeAcls")
        return [
            problem
            for found in _right_statuses(access, principal, worker_rights(settings))
            for problem in found.problems(principal)
        ]


def apply_acls(settings: Settings, principal: str) -> tuple[list[str], list[str]]:
    """Allow a worker's principal what it lacks, on the literal names; a second call changes nothing.

    Returns:
        What was done, and what an ACL still denies, a sentence for each resource.

    Raises:
        As ``check_acls``, where adding needs Alter on the cluster; what was done before stays done.
    """
    with BrokerAccess(settings) as access:
        allowed = _cluster_rights(access)
        _require(allowed, "Describe", "DescribeAcls")
        found = _right_statuses(access, principal, worker_rights(settings))
        granted = [each for each in found if each.missing]
        if granted:
            _require(allowed, "Alter", "CreateAcls")
        for each in granted:
            _grant(access, principal, each)
        _wait_until_seen(access, principal, [each.right for each in granted])
        return [each.grant(principal) for each in granted], [each.denial(principal) for each in found if each.denied]


def _cluster_rights(access: BrokerAccess) -> set[str]:
    """What this user may do on the cluster, on a broker that enforces rights.

    Raises:
        BrokerError: it has no authorizer.
    """
    asked = access.client.describe_cluster(include_authorized_operations=True)
    cluster = access.result("cluster", "Describe", asked)
    resource = ConfigResource(ResourceType.BROKER, str(cluster.nodes[0].id))
    (future,) = access.client.describe_configs([resource]).values()
    try:
        authorizer = access.result("cluster", "DescribeConfigs", future).get("authorizer.class.name")
    except AccessRefused:  # by an authorizer, then
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
    """Every ACL that bears on a resource, whoever it is for."""
    return AclBindingFilter(
        _KINDS[right.kind],
        right.name,
        ResourcePatternType.MATCH,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _grant(access: BrokerAccess, principal: str, found: RightStatus) -> None:
    right = found.right
    place = (_KINDS[right.kind], right.name, ResourcePatternType.LITERAL, principal, _ANY_HOST)
    bindings = [AclBinding(*place, _OPERATIONS[name], AclPermissionType.ALLOW) for name in found.missing]
    for future in access.client.create_acls(bindings).values():
        access.result(f"{right.kind} {right.name}", "CreateAcls", future)


def _wait_until_seen(access: BrokerAccess, principal: str, rights: Sequence[Right]) -> None:
    """Wait until a broker shows what the controller has added; a worker started at once must not be refused.

    A broker that lags for longer than ``_SEEN_SECONDS`` is left to catch up by itself: what was asked is done.
    """
    tenacity.Retrying(
        retry=tenacity.retry_if_result(bool),
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_delay(_SEEN_SECONDS),
        retry_error_callback=lambda _state: None,
    )(lambda: any(each.missing for each in _right_statuses(access, principal, rights)))
