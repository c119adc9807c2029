"""What ``sight`` makes of a message, with the shipped rule, and what tests of the inputs compare of it."""

from __future__ import annotations

import json
from typing import Any

from cloudtrail_messages import ACCOUNT, EVENT_MS, PRINCIPAL, RECORD, TASK_POLICY
from sightings import RULES

from streams.pipeline import ExtractSettings, SightResult, sight

OF_RECORD = [(PRINCIPAL, ACCOUNT, RECORD["eventID"], EVENT_MS, TASK_POLICY, "ASIAISSUED")]
"""``what`` of the sighting of ``RECORD``."""


def read(message: Any) -> SightResult:
    """Read bytes, or a JSON value as its text; ``None`` is a tombstone."""
    value = message if isinstance(message, bytes | None) else json.dumps(message).encode()
    return sight(value, RULES, ExtractSettings())


def what(result: SightResult) -> list[tuple[Any, ...]]:
    """Each sighting's terms, id, time, policy and issued key."""
    return [
        (
            sighting.principal,
            sighting.member_account,
            sighting.event.id,
            sighting.event.time,
            sighting.event.task_policy,
            sighting.event.issued_access_key_id,
        )
        for sighting in result.sightings
    ]
