"""Text that looks like base64 with padding in the middle (two joined values, or no base64) stopped a worker."""

from __future__ import annotations

import base64
import json

import pytest
from cloudtrail_messages import RECORD, TOKEN, changed
from hypothesis import given
from hypothesis import strategies as st
from sightings import RULES

from streams.content.redaction.redact import redact_text
from streams.pipeline import ExtractSettings, sight

PACKED = base64.b64encode(json.dumps({"sessionToken": TOKEN}).encode()).decode()
PLAIN = base64.b64encode(b'{"a": "no token in this one"}').decode()


@pytest.mark.parametrize("padding", ["=", "==", "===", "=_="])
def test_a_record_is_taken_whatever_its_user_agent_looks_like(padding: str) -> None:
    """R3: a caller's text never stops a worker."""
    record = changed({"userAgent": f"eyJhbGciOiJIUzI1NiJ9abcdefgh{padding}zzzzzzzzzzzzzzzzz"})
    result = sight(json.dumps(record).encode(), RULES, ExtractSettings())
    assert [sighting.principal for sighting in result.sightings] == [RECORD["userIdentity"]["arn"]]


@pytest.mark.parametrize("text", [PACKED + PLAIN, f"{PLAIN}={PACKED}", f"{PLAIN}=={PACKED}", f"{PACKED}==={PLAIN}"])
def test_each_of_the_values_that_are_joined_is_looked_into(text: str) -> None:
    """T7: padding ends one value, and the next one may hold a token as well."""
    assert redact_text(text) == "REDACTED"


@given(
    st.lists(st.sampled_from(["eyJ", "W3s", "H4sI", "=", "==", "abcd", "A-_/+", "\\/", "\\u003d", " "]), max_size=40)
)
def test_any_text_of_base64_letters_is_looked_through(pieces: list[str]) -> None:
    """R3: every text is searched, however odd, and is unchanged if it has no token."""
    text = "".join(pieces)
    assert redact_text(text) is text
