"""Sightings, the shipped rule and whole histories, for the tests of detection and rules."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from streams.backtest.evaluation import Judging
from streams.detection.dict_memory import DictGroup, DictMemory
from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting, Term
from streams.pipeline import Decision, DecisionSettings, detect
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet, compile_rule
from streams.wire.stored import memory as codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.fields.catalogue import Field
    from streams.rules.rule import Rule

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z

ALICE = "arn:aws:iam::111111111111:user/alice"
BOB = "arn:aws:sts::111111111111:assumed-role/Admin/bob"
ACCOUNT = "222222222222"
OTHER_ACCOUNT = "333333333333"
UNLOCK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"

RULE = parse(
    files("streams.rules").joinpath("shipped/assume_root.toml").read_text(encoding="utf-8"), "assume_root.toml"
)
COMPILED = compile_rule(RULE)
RULES = RuleSet([RULE])
DECISION_SETTINGS = DecisionSettings(window=RULE.window, max_alerts=RULE.max_alerts)


def sighting(  # noqa: PLR0913  the fields that tests change
    time: int = NOON,
    principal: str = ALICE,
    account: str = ACCOUNT,
    *,
    event_id: str | None = None,
    task_policy: str | None = UNLOCK,
    kafka_time: int | None = None,
    teaching: bool = False,
) -> Sighting:
    """A sighting at ``time`` (ms); without ``event_id`` it has a new id, without ``kafka_time`` it is from a file."""
    return Sighting(
        rule_id=RULE.id,
        terms=(Term("rootwatch.principal", principal), Term("rootwatch.member_account", account)),
        combination=0,
        mapping_version=1,
        principal=principal,
        member_account=account,
        member_account_source="target",
        identity=Identity(
            recorded_arn=principal,
            type="IAMUser",
            account_id="111111111111",
            user_name="alice",
            access_key_id="AKIAEXAMPLE",
            mfa_authenticated=True,
        ),
        event=Event(
            id=event_id or f"event-{principal}-{account}-{time}",
            time=time,
            region="eu-central-1",
            source_ip="192.0.2.10",
            task_policy=task_policy,
            target_principal=account,
            duration_seconds=900,
            resources=(Resource(type="AWS::IAM::RootUser", account_id=account),),
            issued_access_key_id="ASIAEXAMPLE",
            issued_expires_at=time + 15 * MINUTE,
        ),
        record='{"eventName":"AssumeRoot"}',
        origin=None if kafka_time is None else Origin("cloudtrail", 3, 42, kafka_time),
        teaching=teaching,
    )


class NothingKnown:
    """A view of a record without any field."""

    def values(self, _field: Field, /) -> tuple[str, ...]:
        """No value."""
        return ()


def nothing_known(_seen: Sighting) -> NothingKnown:
    """The view of a sighting's record where no exception asks for it."""
    return NothingKnown()


def pair_key(principal: str, account: str) -> bytes:
    """The key of a tuple of the shipped rule."""
    return codec.tuple_key(RULE.id, COMPILED.terms_fingerprint, (principal, account))


def bucket_key(principal: str, start: int) -> bytes:
    """The key of a cap bucket of the shipped rule."""
    return codec.bucket_key(RULE.id, principal, start)


class History:
    """Decides on sightings in order, like a partition."""

    def __init__(self, decision_settings: DecisionSettings = DECISION_SETTINGS, rule: Rule = RULE) -> None:
        self.decision_settings = decision_settings
        self.rule = compile_rule(rule)
        self.memory = DictMemory()

    def decide(self, seen: Sighting) -> Decision:
        """Decide on one sighting without remembering it."""
        return detect(seen, self.memory.group(seen), self.rule, self.decision_settings, nothing_known)

    def take(self, seen: Sighting) -> Decision:
        """Decide on one sighting and remember it."""
        decision = self.decide(seen)
        self.memory.apply(seen, decision)
        return decision

    def take_all(self, sightings: Iterable[Sighting]) -> list[Decision]:
        """Decide on each sighting in the given order, and remember it."""
        return [self.take(seen) for seen in sightings]

    def of(self, seen: Sighting) -> DictGroup:
        """The memory of the sighting's group."""
        return self.memory.group(seen)

    def contents(self) -> dict[object, object]:
        """The whole memory, for comparison."""
        groups = {
            key: (dict(kept.tuples), dict(kept.buckets), kept.summarised) for key, kept in self.memory.groups.items()
        }
        return {**groups, "states": dict(self.memory.states)}


def settings_of_rules(decision_settings: DecisionSettings = DECISION_SETTINGS) -> dict[str, DecisionSettings]:
    """The same settings for each rule of ``RULES``."""
    return dict.fromkeys(RULES.by_id, decision_settings)


def judging(decision_settings: DecisionSettings = DECISION_SETTINGS) -> Judging:
    """How a replay decides by ``RULES``."""
    return Judging(RULES, settings_of_rules(decision_settings), nothing_known)


def with_settings(**changes: Any) -> DecisionSettings:
    """The shipped settings with some of them changed."""
    return replace(DECISION_SETTINGS, **changes)
