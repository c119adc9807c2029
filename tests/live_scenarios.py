"""Records for the deployments of ``broker/test_live_detection.py``, with their Kafka timestamps."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from worker_process import assume_root

USER = "arn:aws:iam::111111111111:user/"
ROLE = "arn:aws:iam::111111111111:role/Breakglass"
SESSION = "arn:aws:sts::111111111111:assumed-role/Breakglass/"
AUDIT = {"taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}


def strict_records() -> list[tuple[str, dict[str, Any]]]:
    """For learning until March, short memory and a cap of 3: the edges of each statement, in order except ``zoe``."""

    def at(time: str, who: str, account: str, kafka: str | None = None, **fields: Any) -> None:
        record = assume_root(f"{USER}{who}", account, time=time, **fields)
        written.append((kafka or time, record))

    written: list[tuple[str, dict[str, Any]]] = []
    at("2026-02-28T12:00:00Z", "alice", "222222222222")
    at("2026-03-01T00:00:00Z", "alice", "333333333333")
    at("2026-03-01T00:00:01Z", "alice", "444444444444")
    at("2026-03-01T01:00:00Z", "alice", "222222222222")
    at("2026-03-01T02:00:00Z", "auditor", "222222222222")
    at("2026-03-01T02:00:01Z", "auditor", "333333333333")
    at("2026-03-01T03:00:00Z", "alice", "900000000000", requestParameters={"targetPrincipal": "900000000000", **AUDIT})
    at("2026-03-01T03:00:01Z", "alice", "900000000000")
    for number in range(5):
        at(f"2026-03-02T00:04:5{number}Z", "mallory", f"50000000000{number}")
    at("2026-03-02T00:05:00Z", "mallory", "600000000000")
    for recipient in ("111111111111", "777777777777"):
        at("2026-03-03T00:00:00Z", "bob", "222222222222", event_id="both", recipientAccountId=recipient)
    at("2026-03-03T12:00:00Z", "zoe", "222222222222")
    at("2026-03-03T11:00:00Z", "zoe", "222222222222", kafka="2026-03-03T12:00:01Z")
    at("2026-03-04T00:00:00Z", 'o"brien","2', "222222222222")
    at("2026-03-05T00:00:01Z", "early", "222222222222", kafka="2026-03-04T00:00:01Z")
    at("2026-03-05T00:00:02Z", "early", "333333333333", kafka="2026-03-04T00:00:01Z")
    at("2026-03-05T00:00:03Z", "lost", "222222222222", userIdentity={"type": "AWSService"})
    at("2026-03-05T00:00:03Z", "lost", "222222222222", requestParameters={"targetPrincipal": "nobody"})
    at("2026-03-05T00:00:03Z", "lost", "222222222222", eventTime="yesterday")
    at("2026-03-06T00:00:00Z", "alice", "333333333333")
    at("2026-03-06T00:00:02Z", "alice", "444444444444")
    at("2026-04-01T01:00:01Z", "alice", "222222222222")
    at("2026-04-05T00:00:00Z", "alice", "333333333333")
    return written


EXCEPTIONS = """
[[exception]]
principal = "*:user/auditor"
reason = "audits every account, every night"

[[exception]]
member_account = "9*"
task_policy = "*/IAMAuditRootUserCredentials"

[[exception]]
principal = "*:user/nobody"
"""


def of_role(time: str, session: str, *accounts: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A call by a session of ``ROLE`` on the accounts in ``resources``; its target is another account."""
    identity = {
        "type": "AssumedRole",
        "arn": f"{SESSION}{session}",
        "accountId": "111111111111",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE, "userName": "Breakglass"}},
    }
    resources = [{"type": "AWS::IAM::RootUser", "accountId": account} for account in accounts]
    return time, assume_root("", "999999999999", time=time, userIdentity=identity, resources=resources, **fields)


def issuer_records() -> list[tuple[str, dict[str, Any]]]:
    """Sessions of one role, on the accounts in ``resources``."""
    return [
        of_role("2026-03-01T00:00:00Z", "monday", "222222222222"),
        of_role("2026-03-02T00:00:00Z", "tuesday", "222222222222"),
        of_role("2026-03-03T00:00:00Z", "wednesday", "333333333333", "444444444444", sourceIPAddress="2001:db8::7"),
        of_role("2026-03-04T00:00:00Z", "thursday"),
        of_role("2026-03-05T00:00:00Z", "friday", "555555555555"),
        of_role("2026-03-06T00:00:00Z", "saturday", "666666666666", sourceIPAddress="organizations.amazonaws.com"),
    ]


def vault_rule() -> str:
    """The shipped rule for another event of the same shape, as a rule file."""
    text = files("streams.rules").joinpath("shipped/assume_root.toml").read_text("utf-8")
    changes = {
        'id = "aws-sts-assume-root-rare-pair"': 'id = "vault-super-role"',
        '"sts.amazonaws.com"': '"vault.example.com"',
        'event_name = "AssumeRoot"': 'event_name = "AssumeSuperRole"',
        'action = "took root on"': 'action = "opened the vault of"',
    }
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


def vault_records() -> list[tuple[str, dict[str, Any]]]:
    """Calls that all claim the same time, three months ahead, among many of another event."""

    def opened(kafka: str, account: str) -> tuple[str, dict[str, Any]]:
        names = {"eventSource": "vault.example.com", "eventName": "AssumeSuperRole"}
        return kafka, assume_root(f"{USER}alice", account, time="2026-06-01T00:00:00Z", **names)

    others = [("2026-03-01T00:00:00Z", assume_root(account="222222222222")) for _ in range(50)]
    return [
        opened("2026-03-01T00:00:00Z", "222222222222"),
        *others,
        opened("2026-03-11T00:00:00Z", "222222222222"),
        opened("2026-03-21T00:00:01Z", "222222222222"),
        *others,
        opened("2026-03-21T00:00:02Z", "333333333333"),
    ]
