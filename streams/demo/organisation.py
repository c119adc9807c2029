"""The organisation of the samples: its accounts, and the identities that act in them.

Every value is invented or reserved for documentation: account ids and access key ids as in AWS's manuals, addresses as
in RFC 5737.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Identity = dict[str, Any]

OFFICE, BUILD_FARM, ELSEWHERE = "203.0.113.24", "203.0.113.80", "198.51.100.77"

MANAGEMENT = "111122223333"


@dataclass(frozen=True, slots=True)
class Account:
    """A member account, and the road of its trail to Kafka, which is the name of a function in ``shapes``."""

    id: str
    name: str
    road: str


PAYMENTS = Account("222233334444", "payments", "log_file")
SHOP = Account("333344445555", "shop", "log_file")
BACKUPS = Account("444455556666", "backups", "event_bridge")
MESSAGING = Account("555566667777", "messaging", "event_bridge")
WAREHOUSE = Account("666677778888", "warehouse", "packed_subscription")
IDENTITY = Account("777788889999", "identity", "log_file")
LOGS = Account("888899990000", "log archive", "log_file")
SANDBOX = Account("999900001111", "sandbox", "event_bridge")

ACCOUNTS = (
    Account(MANAGEMENT, "management", "log_file"),
    PAYMENTS,
    SHOP,
    BACKUPS,
    MESSAGING,
    WAREHOUSE,
    IDENTITY,
    LOGS,
    SANDBOX,
    Account("123456789012", "search", "event_bridge"),
    Account("210987654321", "recommendations", "event_bridge"),
    Account("111111111111", "website", "event_bridge"),
    Account("222222222222", "mobile", "subscription"),
    Account("333333333333", "support", "notification"),
    Account("444444444444", "finance", "filebeat"),
    Account("555555555555", "people", "filebeat"),
    Account("666666666666", "analytics", "packed_subscription"),
    Account("777777777777", "staging", "plain"),
    Account("888888888888", "development", "event_bridge"),
    Account("999999999999", "network", "subscription"),
)


def role_session(account: str, role: str, session: str, *, mfa: bool = False) -> Identity:
    """``userIdentity`` of a role session."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAI44QH8DHBEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": "ASIAI44QH8DHBEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAI44QH8DHBEXAMPLE",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": "2025-06-10T05:58:00Z", "mfaAuthenticated": str(mfa).lower()},
        },
    }


def iam_user(account: str, name: str, access_key: str) -> Identity:
    """``userIdentity`` of an IAM user with a long-lived access key."""
    return {
        "type": "IAMUser",
        "principalId": "AIDACKCEVSQ6C2EXAMPLE",
        "arn": f"arn:aws:iam::{account}:user/{name}",
        "accountId": account,
        "accessKeyId": access_key,
        "userName": name,
    }


def root_session(account: str, access_key: str, created: str) -> Identity:
    """``userIdentity`` of a session that AssumeRoot opened in a member account at the time ``created``.

    Only the key and the time tell that it is not the root user who signed in.
    """
    return {
        "type": "Root",
        "principalId": account,
        "arn": f"arn:aws:iam::{account}:root",
        "accountId": account,
        "accessKeyId": access_key,
        "sessionContext": {"attributes": {"creationDate": created, "mfaAuthenticated": "false"}},
    }


AUDIT_JOB = role_session(MANAGEMENT, "RootCredentialAudit", "nightly")
MARY = role_session(MANAGEMENT, "OrganizationAdmin", "mary.major", mfa=True)
PAULO = role_session(MANAGEMENT, "OrganizationAdmin", "paulo.santos", mfa=True)
MARTHA = role_session(MANAGEMENT, "ReadOnly", "martha.rivera", mfa=True)
STOLEN_KEY = iam_user(MANAGEMENT, "ci-bot", "AKIAIOSFODNN7EXAMPLE")
