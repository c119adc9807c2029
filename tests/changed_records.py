"""Records of AssumeRoot with odd values at some paths, and rules that read them in many ways."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from cloudtrail_messages import RECORD, TOKEN
from hypothesis import strategies as st
from sightings import RULE

from streams.rules.rule_set import RuleSet

TERMS = (
    ("rootwatch.principal", "rootwatch.member_account"),
    ("rootwatch.issuer_or_arn",),
    ("user.name", "cloud.region"),
    ("user.id", "source.ip"),
    ("cloud.account.id", "requestParameters.targetPrincipal"),
    ("requestParameters.a.b", "event.dataset"),
    ("additionalEventData.UserName", "user_agent.original"),
    ("aws.cloudtrail.resources.arn", "tls.client.server_name"),
    ("requestParameters.value",),
)
QUERIES = (
    'event.provider: "sts.amazonaws.com" and event.action: AssumeRoot and event.outcome: success',
    'event.action: (AssumeRoot or "UserAuthentication") and not user.name: nobody',
    "requestParameters.a.b: * or event.outcome: failure or userIdentity.arn: *REDACTED*",
    'event.dataset: "aws.cloudtrail" and event.provider: sts* and not source.ip: 1.2.3.4',
)
ALL = [
    replace(RULE, id=f"r{number}{place}", query=query, terms=terms, event_source=None, event_name=None)
    for number, query in enumerate(QUERIES)
    for place, terms in enumerate(TERMS)
]
SETS = {"all": RuleSet(ALL)} | {rule.id: RuleSet([rule]) for rule in ALL}
PATHS = (
    *("eventSource", "eventName", "errorCode", "awsRegion", "sourceIPAddress", "userAgent", "eventTime", "eventID"),
    *("eventCategory", "userIdentity", "userIdentity.arn", "userIdentity.type", "userIdentity.accountId"),
    *("userIdentity.userName", "userIdentity.principalId", "userIdentity.sessionContext.sessionIssuer"),
    *("userIdentity.sessionContext.sessionIssuer.arn", "userIdentity.sessionContext.sessionIssuer.userName"),
    *("requestParameters", "requestParameters.targetPrincipal", "requestParameters.a", "requestParameters.a.b"),
    *("additionalEventData", "additionalEventData.UserName", "resources", "tlsDetails", "responseElements", "value"),
)
SECRET = f"sessionToken={TOKEN}"
VALUES = st.sampled_from(
    [
        *(
            None,
            "",
            "-",
            "a",
            "1.2.3.4",
            "AssumeRoot",
            "UserAuthentication",
            "ConsoleLogin",
            "sts.amazonaws.com",
            "AssumedRole",
        ),
        *("nobody", "eyJ", "IdentityCenterUser", 111111111111, 5, True, ["a", SECRET], {"b": SECRET}, {"b": "x"}),
        *(SECRET, json.dumps({"sessionToken": TOKEN, "UserName": "a", "a": {"b": "x"}}), "A" * 40, "eyJhIjoxfQ=="),
        *([{"ARN": "arn:aws:iam::222222222222:root", "accountId": "222222222222"}], {"b": [{"b": "x"}]}),
        *({"name": "sessionToken", "value": "secret", "b": "x"}, f"arn:aws:iam::333333333333:{SECRET}", "2026-01-01"),
        *({"sessionToken": "secret", "arn": "a", "UserName": "b"}, {"UserName": SECRET}, {"sessionIssuer": SECRET}),
    ]
).map(json.dumps)
"""Values as JSON: each record needs objects of its own."""


def changed(changes: dict[str, str]) -> dict[str, Any]:
    """The record of AssumeRoot with other values at some paths, where there are objects for them."""
    record: dict[str, Any] = json.loads(json.dumps(RECORD))
    for path, value in changes.items():
        *outer, last = path.split(".")
        found: Any = record
        for key in outer:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            found[last] = json.loads(value)
    return record
