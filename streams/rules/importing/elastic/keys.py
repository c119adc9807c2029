"""The keys of a rule of Elastic that a conversion does not read (U12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.rules.importing.elastic.elastic_rule import ElasticRule

_READ = frozenset(
    {
        "rule_id",
        "name",
        "version",
        "severity",
        "risk_score",
        "type",
        "language",
        "query",
        "new_terms_fields",
        "history_window_start",
        "filters",
        "exceptions_list",
        "data_view_id",
        "index",
        "max_signals",
        "description",
        "tags",
        "references",
        "false_positives",
        "note",
        "threat",
        "license",
        "timestamp_override",
        "alert_suppression",
        "building_block_type",
        "enabled",
        "severity_mapping",
        "risk_score_mapping",
        "rule_name_override",
    }
)
_LEFT_OUT = (
    "actions",
    "response_actions",
    "throttle",
    "setup",
    "investigation_fields",
    "timeline_id",
    "timeline_title",
)
"""A user may miss these: what Kibana does about an alert, and what it shows beside it."""
_OF_NO_MATTER = frozenset(
    {
        "id",
        "revision",
        "immutable",
        "rule_source",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "author",
        "meta",
        "from",
        "to",
        "interval",
        "output_index",
        "namespace",
        "required_fields",
        "related_integrations",
        "execution_summary",
        "outcome",
        "alias_target_id",
        "alias_purpose",
        "timestamp_override_fallback_disabled",
    }
)


def left_out(table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the keys with a value that has no place in a rule file, and that a user may miss."""
    return tuple(key for key in _LEFT_OUT if table.get(key))


def unknown_keys(rule: ElasticRule) -> list[str]:
    """Return a sentence for each key with a value that no known version of Elastic has."""
    unknown = [key for key in rule.table if key not in _READ | _OF_NO_MATTER and key not in _LEFT_OUT]
    return [
        f"{rule.place(key)} is not known to this version; see whether it changes what fires"
        for key in unknown
        if rule.table[key] not in (None, "", [], {}, False)
    ]
