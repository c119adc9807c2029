"""Resources with lists as fields, under nested keys, named no account: each list was read as one value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import MISSING, RECORD, changed, ecs
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

ACCOUNTS = ["444444444444", "555555555555"]
WITHOUT_TARGET = changed(
    {
        "aws.cloudtrail.request_parameters": MISSING,
        "aws.cloudtrail.flattened": MISSING,
    },
    ecs(RECORD),
)


@pytest.mark.parametrize(
    "resources",
    [
        {"account_id": ACCOUNTS},
        {"accountId": ACCOUNTS, "ARN": ["arn:a", "arn:b"]},
        [{"account_id": ACCOUNTS}],
        [{"account_id": [account]} for account in ACCOUNTS],
    ],
)
def test_each_account_of_a_list_is_one_sighting(resources: Any) -> None:
    """R1, T4: leaves may be arrays, also under nested keys, and also with several values."""
    document = changed({"aws.cloudtrail.resources": resources}, WITHOUT_TARGET)
    sightings = sight(json.dumps(document).encode(), RULES, ExtractSettings()).sightings
    assert [sighting.member_account for sighting in sightings] == ACCOUNTS
