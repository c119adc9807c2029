"""The settings: every name, unit and default, and the settings of the pipeline made from them.

In fields, durations and times are milliseconds, sizes bytes. A secret is never a field: a field names the file, and a
method reads it, so that no log and no traceback can show the secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from streams.detection.exception import ExceptionEntry, ExceptionsError, parse_exceptions
from streams.pipeline import DecisionSettings, ExtractSettings
from streams.rules.rule import MOST_ALERTS, Rule
from streams.rules.rule_set import RuleSet
from streams.settings.contradictions import contradictions
from streams.settings.networks import Networks
from streams.settings.rule_entries import DEFAULT, read_rules
from streams.settings.rule_settings import FLAT, Chosen, RuleSettings, RuleTables, overridden
from streams.settings.setting_files import SettingsError, read_secret, read_text
from streams.settings.values import (
    Addresses,
    Duration,
    Entries,
    Entry,
    ExistingFile,
    Files,
    Name,
    Names,
    RecordSize,
    Size,
    Time,
    Whole,
    parse_duration,
    parse_record_size,
    parse_size,
)

DEFAULT_REFRESH = 100
"""The default of a rule's ``refresh`` is its window divided by this (U7)."""


class Settings(BaseModel):
    """The settings of an operator. ``settings.load`` reads every source; the constructor uses its arguments only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Kafka
    bootstrap_servers: Addresses = Field(("127.0.0.1:9092",), description="Brokers to connect to first")
    source_topics: Names = Field(("cloudtrail",), description="Topics that hold CloudTrail")
    topic_prefix: Name = Field("rootwatch", description="The names of this deployment's topics start with it")
    group_id: Name = Field("rootwatch", description="The consumer group; its changelog topics start with it")
    partitions: Whole = Field(8, ge=1, description="Partitions of the topics of sightings, sessions and memory")
    replication_factor: Whole = Field(
        1, ge=1, le=32_767, description="Replicas of each topic that `topics apply` creates"
    )
    standby_replicas: Whole = Field(1, ge=0, description="Other workers that keep a warm copy of each memory partition")
    session_timeout: Duration = Field(
        parse_duration("10s"), description="The partitions of a silent worker move to others after this time"
    )
    max_record_size: RecordSize = Field(
        parse_record_size("16MiB"),
        description="Largest record that rootwatch writes; its topics and producers take as much",
    )
    max_message_size: Size = Field(
        parse_size("64MiB"), description="Largest message that rootwatch reads, after decompression (R3)"
    )

    json_alerts: Literal["none", "native", "ecs", "ocsf"] = Field(
        "none",
        description="Write alerts and session summaries to `rootwatch.alerts.json`, too: as `rootwatch alerts --json` "
        "does (native), in the Elastic Common Schema (ecs) or as OCSF findings ([alerts.md](alerts.md#json))",
    )

    # The rules, and what an operator overrides of one
    rules: Entries = Field(
        (DEFAULT,),
        description="The rules: files, folders with `*.toml` in them or below, `shipped` for all that ship, or "
        "`shipped:ID` for one",
    )
    rule: Entry | None = Field(None, description="The same as `rules` with one entry; only one of the two may be set")
    window: Duration | None = Field(
        None, description="How long a tuple stays known after it was last seen (M1); default: the rule's (10d)"
    )
    max_alerts: Whole | None = Field(
        None,
        ge=0,
        le=MOST_ALERTS,
        description="Maximum alerts per value of the first term (a principal) per 5 minutes (A3); 0 = unlimited; "
        "default: the rule's (100)",
    )
    severity: Literal["low", "medium", "high", "critical"] | None = Field(
        None, description="Severity of alerts; default: the rule's (low)"
    )
    risk_score: Whole | None = Field(None, ge=0, le=100, description="Risk score of alerts; default: the rule's (21)")
    rule_settings: RuleTables = Field(
        {}, description="A table per rule: see [Settings of one rule](#settings-of-one-rule)"
    )

    # Detection
    forget_after: Duration = Field(parse_duration("400d"), description="Tuples unseen for longer are forgotten (M8)")
    learn_until: Time | None = Field(None, description="Sightings up to this time teach and do not alert (M6)")
    clock: Literal["event", "record"] = Field(
        "event", description="Which time counts: eventTime, or the Kafka timestamp (M4)"
    )
    principal: Literal["arn", "issuer"] = Field(
        "arn", description="What a principal is: the recorded ARN, or the role that issued the session (T3)"
    )
    member_account: Literal["target", "resources"] = Field(
        "target", description="Where the account is read: the request's target, or the resources (T4)"
    )
    session_grace: Duration = Field(
        parse_duration("20m"),
        ge=1000,
        description="How long after its end a root session is summed up; at least 1s (S9)",
    )
    exceptions: ExistingFile | None = Field(
        None, description="A TOML file of `[[exception]]` tables: what neither alerts nor teaches (M7)"
    )
    geoip_database: Files = Field((), description="MaxMind databases that say where a source address is")

    # Security, for both Kafka clients
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Encryption and authentication of connections to brokers"
    )
    ssl_ca: ExistingFile | None = Field(None, description="PEM file of trusted authorities; default: the system's")
    ssl_cert: ExistingFile | None = Field(None, description="PEM file of the client's certificate")
    ssl_key: ExistingFile | None = Field(None, description="PEM file of the client's key, not encrypted")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"] | None = Field(
        None, description="How the client proves who it is"
    )
    sasl_username: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        None, description="User name for PLAIN and SCRAM"
    )
    sasl_password_file: ExistingFile | None = Field(
        None, description="Holds the password; with OAUTHBEARER the token, which is read again for each renewal"
    )
    schema_registry_url: str | None = Field(
        None, description="URL of a Confluent-compatible schema registry, or several, separated by commas"
    )
    schema_registry_auth_file: ExistingFile | None = Field(None, description="Holds user:password for the registry")

    # The worker's own machine
    state_dir: Path = Field(Path("./state"), description="Where RocksDB stores the memory; one folder per worker")
    http_host: Annotated[str, StringConstraints(min_length=1)] = Field(
        "127.0.0.1", description="Address of /metrics, /healthz and /readyz"
    )
    http_port: Whole = Field(6066, ge=1, le=65_535, description="Port of /metrics, /healthz and /readyz")
    log_format: Literal["console", "json"] = Field(
        "console", description="Format of the log on stderr: for people, or one JSON object per line"
    )

    @field_validator("schema_registry_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "@" in value:
            raise ValueError(
                "must not hold a user and password: write them to the file that schema_registry_auth_file names"
            )
        for address in value.split(","):
            if not _is_address(address.strip()):
                raise ValueError("write a URL that starts with http:// or https://, or several, separated by commas")
        return value

    @field_validator("source_topics")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a topic is named twice")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if problems := list(contradictions(self)):
            raise ValueError("\n".join(problems))
        return self

    def sasl_password(self) -> str:
        """Return the password, or the OAUTHBEARER token, that its file holds now.

        Raises:
            SettingsError: the file is not set, cannot be read or is empty.
        """
        return read_secret("sasl_password_file", self.sasl_password_file)

    def load_rules(self) -> RuleSet:
        """Return the rules that run, with the operator's overrides (A4, U8).

        Raises:
            SettingsError: a rule file cannot be read or is wrong, two rules have the same id, or an override fits no
                rule or not its window; the message has a line for each.
        """
        chosen = Chosen(
            {name: value for name in FLAT if (value := getattr(self, name)) is not None},
            self.forget_after,
            self.rule_settings,
        )
        try:
            return RuleSet(overridden(read_rules(self.rule_entries), chosen))
        except ValueError as error:
            raise SettingsError(str(error)) from error

    @property
    def rule_entries(self) -> tuple[str, ...]:
        """The entries of ``rules``, or the one of ``rule``."""
        return self.rules if self.rule is None else (self.rule,)

    def load_exceptions(self) -> tuple[ExceptionEntry, ...]:
        """Return the exceptions (M7); empty if no file is set.

        Raises:
            SettingsError: the file cannot be read or is wrong.
        """
        if self.exceptions is None:
            return ()
        text = read_text("exceptions", self.exceptions)
        try:
            return parse_exceptions(text, str(self.exceptions))
        except ExceptionsError as error:
            raise SettingsError(f"exceptions: {error}") from error

    def extract_settings(self) -> ExtractSettings:
        """Return the settings of the pipeline's first half."""
        return ExtractSettings(
            principal=self.principal,
            member_account=self.member_account,
            clock=self.clock,
            max_message_size=self.max_message_size,
            networks=Networks(self.geoip_database) if self.geoip_database else None,
        )

    def decision_settings(self, rules: RuleSet) -> dict[str, DecisionSettings]:
        """Return the settings of the pipeline's second half by rule id, for what ``load_rules`` returned.

        Raises:
            SettingsError: as ``load_exceptions``.
        """
        exceptions = self.load_exceptions()
        return {
            rule_id: self._decision_settings(compiled.rule, exceptions) for rule_id, compiled in rules.by_id.items()
        }

    def _decision_settings(self, rule: Rule, exceptions: tuple[ExceptionEntry, ...]) -> DecisionSettings:
        learn_until = self.rule_settings.get(rule.id, RuleSettings()).learn_until
        return DecisionSettings(
            window=rule.window,
            forget_after=self.forget_after if rule.forget_after is None else rule.forget_after,
            learn_until=self.learn_until if learn_until is None else learn_until,
            clock=self.clock,
            max_alerts=rule.max_alerts,
            refresh=rule.window // DEFAULT_REFRESH if rule.refresh is None else rule.refresh,
            learn=rule.learn,
            max_entries=rule.max_entries,
            exceptions=exceptions,
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https", "mock"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number or is above 65535, or half an IPv6 address
        return False
