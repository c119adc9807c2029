"""Three rules of one, two and three terms with windows of their own, their sightings, and partitions that run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st
from memory_store import Partition
from sightings import ALICE, DAY, MINUTE, NOON, nothing_known

from streams.detection.dict_memory import DictMemory
from streams.extraction.sighting import Event, Identity, Sighting, Term
from streams.pipeline import Decision, DecisionSettings, detect, rule_of
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet
from streams.worker.state.sweep import Forgetting, Sweep

if TYPE_CHECKING:
    from streams.rules.rule import Rule
    from streams.worker.state.partition_memory import PartitionMemory

Settings = Mapping[str, DecisionSettings]


def rule(rule_id: str, *terms: str, action: str = "CreateUser", texts: str = "") -> Rule:
    """A rule over one event with these terms."""
    fields = ", ".join(f'"{term}"' for term in terms)
    text = f"""
id = "{rule_id}"
name = "A rule of {len(terms)} terms"
version = 1
severity = "medium"
risk_score = 47
query = 'event.provider: "iam.amazonaws.com" and event.action: "{action}"'
terms = [{fields}]
window = "10m"
{texts}
"""
    return parse(text, f"{rule_id}.toml")


ONE = rule("one", "cloud.region")
TWO = rule("two", "cloud.account.id", "user.name")
THREE = rule("three", "cloud.account.id", "cloud.region", "user.name")
RULES = RuleSet([ONE, TWO, THREE])
SETTINGS: Settings = {
    "one": DecisionSettings(window=10 * MINUTE, forget_after=DAY, max_alerts=2),
    "two": DecisionSettings(window=30 * MINUTE, forget_after=2 * DAY + 5 * MINUTE, max_alerts=1),
    "three": DecisionSettings(window=20 * MINUTE, forget_after=40 * MINUTE, max_alerts=0),
}


def of_rule(  # noqa: PLR0913  the fields that tests change
    made_by: Rule,
    time: int,
    *values: str,
    event_id: str = "",
    teaching: bool = False,
    principal: str | None = ALICE,
    account_id: str | None = "111111111111",
    name: str | None = "CreateUser",
) -> Sighting:
    """A sighting of a rule with these values of its terms."""
    return Sighting(
        rule_id=made_by.id,
        terms=tuple(Term(field, value) for field, value in zip(made_by.terms, values, strict=True)),
        combination=0,
        mapping_version=1,
        principal=principal,
        member_account=None,
        member_account_source=None,
        identity=Identity(recorded_arn=principal, account_id=account_id),
        event=Event(id=event_id or f"event-{made_by.id}-{values}-{time}", time=time, name=name),
        record="{}",
        teaching=teaching,
    )


STEPS = st.sampled_from([0, 0, 1, 4 * MINUTE, 10 * MINUTE, 10 * MINUTE + 1, 30 * MINUTE + 1, 40 * MINUTE + 1, DAY])
RULE_OF = {each.id: each for each in (ONE, TWO, THREE)}


@st.composite
def histories(draw: st.DrawFn, most: int = 25, ids: tuple[str, ...] = ("one", "two", "three")) -> list[Sighting]:
    """Sightings of the three rules in order of time, each of its own event, some of them teaching only."""
    values = st.tuples(*[st.sampled_from("ab")] * 2, st.sampled_from("abcdefg"))
    drawn = draw(st.lists(st.tuples(STEPS, st.sampled_from(ids), values, st.integers(0, 9)), max_size=most))
    times = accumulate((step for step, _, _, _ in drawn), initial=NOON)
    return [
        of_rule(
            RULE_OF[rule_id],
            time,
            *parts[3 - len(RULE_OF[rule_id].terms) :],
            event_id=f"event-{place}",
            teaching=dice == 0,
        )
        for place, (time, (_, rule_id, parts, dice)) in enumerate(zip(times, drawn, strict=False))
    ]


@st.composite
def arrivals(draw: st.DrawFn, most: int = 25) -> list[Sighting]:
    """The same in any order."""
    return draw(histories(most).flatmap(st.permutations))


def batches(draw: st.DrawFn, sightings: list[Sighting]) -> list[list[Sighting]]:
    """Cut sightings into batches, at least one."""
    cuts = sorted(draw(st.sets(st.integers(0, len(sightings)), max_size=5)))
    return [sightings[start:end] for start, end in zip([0, *cuts], [*cuts, len(sightings)], strict=True)]


class Said(NamedTuple):
    """What one alert says of novelty, and where it went."""

    alert_id: str
    outcome: str
    kind: str
    others: int
    is_new: bool


def said(decision: Decision) -> Said | None:
    """What the decision's alert says; ``None`` without one."""
    if decision.alert is None or decision.alert_id is None:
        return None
    novelty = decision.alert.fields()["novelty"]
    counts = (novelty["principal_known_accounts"], novelty["principal_is_new"])
    return Said(decision.alert_id, decision.outcome, novelty["kind"], *counts)


class RulesPartition(Partition):
    """Handles batches as the detect agent does, with settings per rule; a sighting without a rule is passed over.

    Attributes:
        said: what each alert said, in order.
        decisions: all decisions, in order.
    """

    def __init__(self, settings: Settings = SETTINGS, rules: RuleSet = RULES, sweep: Sweep | None = None) -> None:
        super().__init__(next(iter(settings.values())), sweep, rules)
        self._forgetting = Forgetting(rules, settings, 400 * DAY)
        self.said: list[Said] = []
        self.decisions: list[Decision] = []

    def decide(self, batch: PartitionMemory, sighting: Sighting) -> Decision:
        """Decide on one sighting of a batch."""
        if rule_of(sighting, self._forgetting.rules) is None:
            decision = Decision("gone", sighting.event.time)
        else:
            decision = super().decide(batch, sighting)
        self.decisions.append(decision)
        if (alert := said(decision)) is not None:
            self.said.append(alert)
        return decision


@dataclass
class RulesHistory:
    """Decides on the sightings of any rules, in dicts."""

    settings: Settings
    rules: RuleSet

    def __post_init__(self) -> None:
        self.memory = DictMemory()

    def take(self, sighting: Sighting) -> Decision:
        """Decide on one sighting and remember it."""
        found = rule_of(sighting, self.rules)
        if found is None:
            return Decision("gone", sighting.event.time)
        settings = self.settings[sighting.rule_id]
        decision = detect(sighting, self.memory.group(sighting), found, settings, nothing_known)
        self.memory.apply(sighting, decision)
        return decision


def changed(settings: Settings = SETTINGS, **changes: object) -> Settings:
    """The settings of all rules with some of them changed."""
    return {rule_id: replace(each, **changes) for rule_id, each in settings.items()}  # type: ignore[arg-type]  any field
