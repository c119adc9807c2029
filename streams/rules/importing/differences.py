"""Where a rule of Elastic and the same rule here may say different things (U12).

Only what applies to the rule at hand is said. ``docs/migrating-from-elastic.md`` has the whole list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.importing.outcome import Difference
from streams.rules.importing.scope import reads_filebeat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.fields.catalogue import Field
    from streams.rules.importing.elastic.elastic_rule import ElasticRule

_FLATTENED = "aws.cloudtrail.flattened."
_OBJECTS = frozenset(
    {"aws.cloudtrail.request_parameters", "aws.cloudtrail.response_elements", "aws.cloudtrail.additional_eventdata"}
)
_LONG_TERMS = frozenset({"user_agent.original", "tls.client.server_name", "aws.cloudtrail.error_message"})
_ENTITIES = frozenset({"entity.target.id", "related.entity"})
_FLEETING = frozenset(
    {
        "aws.cloudtrail.user_identity.access_key_id",
        "aws.cloudtrail.user_identity.arn",
        "source.address",
        "source.ip",
        "user.id",
        "user_agent.original",
    }
)
_OVERRIDES = ("severity_mapping", "risk_score_mapping", "rule_name_override")


def differences(rule: ElasticRule, asked: Sequence[Field], terms: Sequence[Field]) -> Iterator[Difference]:
    """Give the differences of a rule.

    Args:
        rule: the rule of Elastic.
        asked: the fields that its query reads.
        terms: the fields of its terms.
    """
    yield from _of_fields([field.name for field in asked], [field.name for field in terms])
    yield from _of_settings(rule)
    if any(field.name == "data_stream.dataset" for field in asked) and reads_filebeat(rule.table):
        yield Difference(
            "data_stream", "Filebeat's documents do not have data_stream.dataset, so Elastic's rule takes none of them"
        )


def _of_fields(asked: Sequence[str], terms: Sequence[str]) -> Iterator[Difference]:
    names = {*asked, *terms}
    if names & _OBJECTS:
        yield Difference("length", "Elastic finds no text over 8,191 characters in request_parameters and its like")
    if any(name.startswith(_FLATTENED) for name in names):
        yield Difference("length", "Elastic does not index leaves of 32,766 characters and more; here they match")
    if any(term in _LONG_TERMS or term.startswith(_FLATTENED) for term in terms):
        yield Difference("length", "in Elastic a value over 1,024 characters is no term; here one of 16,384 is")
    if names & _ENTITIES:
        yield Difference(
            "entities",
            "Elastic fills entity.target.id and related.entity only with its option actor_target_mapping, and a "
            "target that looks like an ARN or a resource id goes to another field; here neither matters",
        )
    if "source.as.organization.name" in names:
        yield Difference(
            "ASN names",
            "the names are those of your database; only GeoLite2 spells them as Elastic does, such as AMAZON-02",
        )
    if any(term.startswith("aws.cloudtrail.resources.") for term in terms):
        yield Difference("lists", "a record gives at most 100 combinations of values; the rest is counted")
    for term in terms:
        if term in _FLEETING:
            yield Difference(
                "loud",
                f"{term} may change with each session, so nearly all is new; user.name and rootwatch.issuer_or_arn "
                "do not",
            )


def _of_settings(rule: ElasticRule) -> Iterator[Difference]:
    table = rule.table
    if table.get("timestamp_override") == "event.ingested":
        yield Difference(
            "clock",
            "Elastic goes by the time of ingest, rootwatch by the time of the call (eventTime); the setting "
            'clock = "record" is nearer to Elastic',
        )
    yield Difference(
        "cap",
        "Elastic raises no more than max_signals alerts per run; rootwatch has no cap per run: max_alerts count per "
        "value of the first term in five minutes, and the rest goes to the overflow topic",
    )
    if table.get("alert_suppression"):
        yield Difference("suppression", "Elastic joins alerts by alert_suppression; here each new tuple is an alert")
    if table.get("building_block_type"):
        yield Difference("building block", "Elastic hides the alerts of a building block; here they are as any other")
    if table.get("enabled") is False:
        yield Difference(
            "disabled", "the rule is disabled in Kibana; here every rule runs that the setting rules names"
        )
    if named := [key for key in _OVERRIDES if table.get(key)]:
        yield Difference(
            "overrides", f"{' and '.join(named)}: an alert here has the rule's own name, severity and score"
        )
