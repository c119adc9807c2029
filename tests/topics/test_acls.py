"""How ACLs are compared with what a worker needs; tests/broker/test_rights.py asks a real authorizer."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from streams.topics.acls import right_status
from streams.topics.rights import Right

ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
TOPIC = Right("topic", "rootwatch.alerts", ("Write", "DescribeConfigs"))
LOOKED_AT = Right("topic", "rootwatch.activity", ("Describe", "DescribeConfigs"))


def acl(
    operation: AclOperation,
    permission: AclPermissionType = ALLOW,
    *,
    principal: str = "User:rootwatch",
    host: str = "*",
    pattern: ResourcePatternType = ResourcePatternType.LITERAL,
) -> AclBinding:
    """An ACL on the topic."""
    return AclBinding(ResourceType.TOPIC, TOPIC.name, pattern, principal, host, operation, permission)


@pytest.mark.parametrize(
    ("right", "acls", "missing", "denied"),
    [
        (TOPIC, [], ("Write", "DescribeConfigs"), ()),
        (TOPIC, [acl(AclOperation.WRITE)], ("DescribeConfigs",), ()),
        (TOPIC, [acl(AclOperation.WRITE), acl(AclOperation.DESCRIBE_CONFIGS)], (), ()),
        (TOPIC, [acl(AclOperation.ALL)], (), ()),
        (TOPIC, [acl(AclOperation.ALL, pattern=ResourcePatternType.PREFIXED)], (), ()),
        (TOPIC, [acl(AclOperation.ALL, principal="User:*")], (), ()),
        (TOPIC, [acl(AclOperation.ALL, principal="User:other")], ("Write", "DescribeConfigs"), ()),
        (TOPIC, [acl(AclOperation.ALL, host="10.0.0.1")], ("Write", "DescribeConfigs"), ()),
        (TOPIC, [acl(AclOperation.READ), acl(AclOperation.ALTER_CONFIGS)], ("Write",), ()),
        (LOOKED_AT, [acl(AclOperation.READ)], ("DescribeConfigs",), ()),
        (LOOKED_AT, [acl(AclOperation.ALTER_CONFIGS)], ("Describe",), ()),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.WRITE, DENY)], (), ("Write",)),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.DESCRIBE, DENY)], (), ("Describe",)),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.ALL, DENY)], (), ("Write", "DescribeConfigs", "Describe")),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.WRITE, DENY, host="10.0.0.1")], (), ("Write",)),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.READ, DENY)], (), ()),
        (TOPIC, [acl(AclOperation.ALL), acl(AclOperation.ALL, DENY, principal="User:other")], (), ()),
    ],
)
def test_what_counts(right: Right, acls: list[AclBinding], missing: tuple[str, ...], denied: tuple[str, ...]) -> None:
    """An ACL counts for its principal or everybody, from all hosts, with what it includes; a Deny outweighs."""
    found = right_status(right, "User:rootwatch", acls)
    assert (found.missing, found.denied) == (missing, denied)


def test_what_lacks_and_what_is_denied_are_each_said() -> None:
    """A resource with missing and denied operations has two sentences; one without has none."""
    found = right_status(TOPIC, "User:rootwatch", [acl(AclOperation.WRITE), acl(AclOperation.WRITE, DENY)])
    assert found.problems("User:rootwatch") == [
        "topic rootwatch.alerts: User:rootwatch is missing DescribeConfigs",
        "topic rootwatch.alerts: an ACL denies User:rootwatch Write; remove it by hand if it is wrong",
    ]
    assert right_status(TOPIC, "User:rootwatch", [acl(AclOperation.ALL)]).problems("User:rootwatch") == []
