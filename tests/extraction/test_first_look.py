"""What is asked of a record before it is redacted is what would be found after it (T7, U7)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from changed_records import PATHS, SECRET, SETS, VALUES, changed
from cloudtrail_messages import RECORD
from hypothesis import example, given
from hypothesis import strategies as st
from sightings import RULE

from streams.content.json_text import MAX_DEPTH, TooDeepError
from streams.extraction import extract as module
from streams.extraction.extract import Extracted, ExtractSettings, extract
from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.pipeline import sight
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from streams.extraction.taking import WasSent


def extracted(record: Record, rules: RuleSet, was_sent: WasSent | None) -> Extracted | str:
    try:
        return extract(record, rules, ExtractSettings(principal="issuer"), None, was_sent)
    except TooDeepError as error:
        return str(error)


@given(
    st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=5),
    st.sampled_from(sorted(SETS)),
    st.sampled_from(["all", "plain", "none", "nobody"]),
)
@example({"userAgent": json.dumps(SECRET)}, "all", "plain")
@example({"userAgent": json.dumps(SECRET)}, "r06", "none")
@example({"requestParameters.a": json.dumps({"b": SECRET})}, "r05", "none")
@example({"userIdentity.arn": json.dumps(SECRET), "userIdentity.type": '"a"'}, "r21", "nobody")
@example({"userIdentity.arn": json.dumps(SECRET)}, "r21", "all")
@example({"userIdentity.sessionContext.sessionIssuer.userName": json.dumps(SECRET)}, "r02", "none")
@example({"requestParameters": json.dumps({"key": "sessionToken", "value": "x"})}, "r08", "plain")
@example({"requestParameters": json.dumps({"a": {"key": "sessionToken", "value": "x"}})}, "r05", "none")
def test_a_record_is_judged_as_if_it_was_redacted_first(changes: dict[str, str], of: str, which: str) -> None:
    """T7, U3, U7: what is taken, what is not sent again, and why nothing is taken are as of the redacted record."""

    def was_sent(_rule_id: str, values: tuple[str, ...], _time: int, /) -> bool:
        return which == "all" or (which == "plain" and "REDACTED" not in repr(values))

    asks = None if which == "nobody" else was_sent
    for item in read(json.dumps(changed(changes)).encode(), 1 << 20):
        assert isinstance(item, Record)
        for text in (item.text, None):
            one = Record(item.fields, item.source, item.shape, text=text)
            quickly = extracted(one, SETS[of], asks)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "is_certain", lambda *_: False)
                assert extracted(one, SETS[of], asks) == quickly


def test_a_key_that_redaction_makes_is_asked_for_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """T7: a key that is a token becomes ``REDACTED``, so a term of that name has a value only after redaction."""
    token = base64.b64encode(b'{"sessionToken":"abcdefghijklmnopqrstuvwx"}').decode()
    rules = RuleSet([replace(RULE, terms=("requestParameters.REDACTED",), event_source=None, event_name=None)])
    fields = {**RECORD, "requestParameters": {**RECORD["requestParameters"], token: "a"}}
    (record,) = read(json.dumps(fields).encode(), 1 << 20)
    assert isinstance(record, Record)
    quickly = extracted(record, rules, lambda *_: True)
    monkeypatch.setattr(module, "is_certain", lambda *_: False)
    assert extracted(record, rules, lambda *_: True) == quickly


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH + 2])
def test_a_record_that_is_too_deep_is_malformed_also_if_its_tuple_is_known(depth: int) -> None:
    """R3, U7: a record that cannot be redacted is a dead letter, whatever was sent before it."""
    value = json.dumps(RECORD).replace('"eventVersion"', f'"deep": {"[" * depth}{"]" * depth}, "eventVersion"').encode()
    result = sight(value, RuleSet([RULE]), ExtractSettings(), None, lambda *_: True)
    assert [one.reason for one in result.rejected] == ([] if depth < MAX_DEPTH else ["malformed"])
    assert sum(taking.refreshed for taking in result.rules.values()) == (depth < MAX_DEPTH)
