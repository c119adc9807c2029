"""The catalogue of topics: the names of this deployment's topics, and the right settings of each (P6)."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.settings import Settings

MEMORY_TABLE = "memory"
SESSIONS_TABLE = "sessions"
LEADER_SUFFIX = "-__assignor-__leader"  # Faust's own; it decides which worker assigns the partitions

_DAY = 86_400_000
_SAFE_REPLICAS = 3


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names of this deployment's topics.

    Attributes:
        sightings, sessions: between the agents.
        alerts, overflow, activity, session_summaries: for readers.
        alerts_json: the alerts, overflow and summaries as JSON; ``None`` unless ``json_alerts`` names a format.
        dead_letter: for what could not be handled.
        changelog: of the table ``memory``.
        sessions_changelog: of the table ``sessions``.
        leader: Faust's own.
    """

    sightings: str
    sessions: str
    activity: str
    session_summaries: str
    alerts: str
    alerts_json: str | None
    overflow: str
    dead_letter: str
    changelog: str
    sessions_changelog: str
    leader: str

    def all(self) -> tuple[str, ...]:
        """Return the names of all topics that there are to be."""
        return tuple(name for name in astuple(self) if name is not None)

    @property
    def changelogs(self) -> dict[str, str]:
        """The changelog topic of each table."""
        return {MEMORY_TABLE: self.changelog, SESSIONS_TABLE: self.sessions_changelog}


@dataclass(frozen=True, slots=True)
class Topic:
    """The right properties of a topic.

    Attributes:
        name: its name.
        partitions: the number of partitions.
        replication_factor: the number of brokers that hold each partition.
        config: Kafka's topic settings, only those that matter here.
        remembers: whether a wrong ``cleanup.policy`` would lose what the worker remembers.
    """

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)
    remembers: bool = False


def topic_names(settings: Settings) -> TopicNames:
    """The names that follow from these settings; Faust derives its own from the group id."""
    prefix, group = settings.topic_prefix, settings.group_id
    return TopicNames(
        sightings=f"{prefix}.sightings",
        sessions=f"{prefix}.sessions",
        activity=f"{prefix}.activity",
        session_summaries=f"{prefix}.session-summaries",
        alerts=f"{prefix}.alerts",
        alerts_json=None if settings.json_alerts == "none" else f"{prefix}.alerts.json",
        overflow=f"{prefix}.alerts.overflow",
        dead_letter=f"{prefix}.dead-letter",
        changelog=f"{group}-{MEMORY_TABLE}-changelog",
        sessions_changelog=f"{group}-{SESSIONS_TABLE}-changelog",
        leader=f"{group}{LEADER_SUFFIX}",
    )


def catalogue(settings: Settings) -> tuple[Topic, ...]:
    """Every topic of this deployment; source topics belong to others."""
    names = topic_names(settings)
    replicas, largest = settings.replication_factor, str(settings.max_record_size)
    # With three replicas, a record that two have acknowledged survives the loss of a broker. With fewer replicas, the
    # loss of one broker must not stop everything.
    durable = {"min.insync.replicas": "2"} if replicas >= _SAFE_REPLICAS else {}

    def kept(name: str, days: int) -> Topic:
        config = {
            "cleanup.policy": "delete",
            "retention.ms": str(days * _DAY),
            "max.message.bytes": largest,
        }
        return Topic(name, settings.partitions, replicas, config | durable)

    compacted = {"cleanup.policy": "compact", "max.message.bytes": largest}
    return (
        kept(names.sightings, 400),
        kept(names.sessions, 400),
        kept(names.activity, 400),
        kept(names.session_summaries, 400),
        kept(names.alerts, 400),
        kept(names.overflow, 400),
        *([] if names.alerts_json is None else [kept(names.alerts_json, 400)]),
        kept(names.dead_letter, 30),
        Topic(names.changelog, settings.partitions, replicas, compacted | durable, remembers=True),
        Topic(names.sessions_changelog, settings.partitions, replicas, compacted | durable, remembers=True),
        Topic(names.leader, 1, replicas, {"cleanup.policy": "delete"}),
    )


def value_schemas(settings: Settings) -> dict[str, str]:
    """The topics whose schemas are in the registry, each with the name of its schema in ``schemas/``."""
    names = topic_names(settings)
    return {
        names.alerts: "alert",
        names.overflow: "alert",
        names.activity: "activity",
        names.session_summaries: "session_summary",
    }
