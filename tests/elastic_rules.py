"""A new-terms rule in the forms that Elastic has: written for these tests, and nobody's rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.rules.importing.convert import convert
from streams.rules.importing.elastic.elastic_rule import ElasticRule, read

if TYPE_CHECKING:
    from streams.rules.importing.outcome import Conversion

RULE: dict[str, Any] = {
    "rule_id": "own-key",
    "name": "Access key by a new pair",
    "type": "new_terms",
    "severity": "medium",
    "risk_score": 47,
    "version": 3,
    "language": "kuery",
    "index": ["logs-aws.cloudtrail-*"],
    "query": "event.provider: iam.amazonaws.com and event.action: CreateAccessKey and event.outcome: success",
    "new_terms_fields": ["cloud.account.id", "user.name"],
    "history_window_start": "now-10d",
}
THREAT: dict[str, Any] = {
    "framework": "MITRE ATT&CK",
    "tactic": {"id": "TA0003", "name": "Persistence", "reference": "https://attack.mitre.org/tactics/TA0003/"},
    "technique": [
        {
            "id": "T1098",
            "name": "Account Manipulation",
            "reference": "https://attack.mitre.org/techniques/T1098/",
            "subtechnique": [
                {
                    "id": "T1098.001",
                    "name": "Additional Cloud Credentials",
                    "reference": "https://attack.mitre.org/techniques/T1098/001/",
                }
            ],
        }
    ],
}
TOML = """
[metadata]
creation_date = "2026/01/01"
maturity = "production"

[rule]
rule_id = "own-key"
name = "Access key by a new pair"
type = "new_terms"
severity = "medium"
risk_score = 47
language = "kuery"
index = ["logs-aws.cloudtrail-*"]
query = '''
event.provider: iam.amazonaws.com and event.action: CreateAccessKey
  and not user_agent.original: *a\\:b*
'''

[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0003"
name = "Persistence"
[[rule.threat.technique]]
id = "T1098"
name = "Account Manipulation"
reference = "https://attack.mitre.org/techniques/T1098/"

[rule.new_terms]
field = "new_terms_fields"
value = ["cloud.account.id", "user.name"]
[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-1w"
"""


def line(**changed: Any) -> str:
    """The rule as a line of an export; a value of ``None`` takes its key out."""
    return json.dumps({key: value for key, value in {**RULE, **changed}.items() if value is not None})


def converted(text: str, name: str = "rules.ndjson") -> list[Conversion]:
    """The outcomes of a file's text."""
    return [convert(found) if isinstance(found, ElasticRule) else found for found in read(text, name)]


def only(text: str, name: str = "rules.ndjson") -> Conversion:
    """The outcome of a text with one rule."""
    (conversion,) = converted(text, name)
    return conversion
