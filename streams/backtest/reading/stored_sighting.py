"""What a stored sighting stands for among the sightings that its record gives today."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.extraction.sighting import Sighting
    from streams.rules.rule_set import RuleSet


def standing_for(stored: Sighting, sightings: Sequence[Sighting], rules: RuleSet) -> Sequence[Sighting]:
    """Return those of a record's sightings for which a stored sighting of the same record stands.

    A record was stored once for each rule that took it and each combination of its terms. So if the rule is loaded,
    only what that rule takes is kept, and if the stored terms come out again, only they are.
    """
    if stored.rule_id not in rules.by_id:
        return sightings
    of_rule = [taken for taken in sightings if taken.rule_id == stored.rule_id]
    return [taken for taken in of_rule if taken.terms == stored.terms] or of_rule
