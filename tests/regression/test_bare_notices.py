"""Control messages without log events, and S3 entries without an event name, were called malformed."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from cloudtrail_messages import sns
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

CONTROL = {"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs"}
S3 = {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "AWSLogs/AssumeRoot.json.gz"}}}]}
BARE: dict[str, Any] = {
    "a control message": CONTROL,
    "a control message in awslogs data": {
        "awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(CONTROL).encode())).decode()}
    },
    "a notification of S3": S3,
    "a notification of S3 over SNS": sns(json.dumps(S3)),
}


@pytest.mark.parametrize("name", BARE)
def test_what_holds_no_record_is_known_without_its_optional_parts(name: str) -> None:
    """R5: such a message is no match and no dead letter."""
    result = sight(json.dumps(BARE[name]).encode(), RULES, ExtractSettings())
    assert (result.sightings, result.rejected) == ((), ())
