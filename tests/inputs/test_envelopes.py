"""R8, R9: the envelopes of forwarders around CloudTrail, and the forms that they give a record."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import (
    ISSUER,
    MISSING,
    OTHER,
    RECORD,
    SHAPES,
    TOKEN,
    awslogs,
    changed,
    ecs,
    eventbridge,
    java_map,
    sns,
    subscription,
)
from compressed import COMPRESSIONS
from forwarder_messages import OF_BYTES, OF_OBJECT, OF_TEXT, b64
from hypothesis import given
from hypothesis import strategies as st
from sighted import OF_RECORD, read, what

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.pipeline import SightResult

# Each wraps a text, in its own way.
ENVELOPES: dict[str, tuple[str, Callable[[str], Any]]] = {
    **OF_TEXT,
    **{
        f"{name}, an object": (shape, lambda text, wrap=wrap: wrap(json.loads(text)))
        for name, (shape, wrap) in OF_OBJECT.items()
    },
    **{name: (shape, lambda text, wrap=wrap: wrap(text.encode())) for name, (shape, wrap) in OF_BYTES.items()},
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_gives_the_sighting_that_it_carries(name: str) -> None:
    """R8: a record in any forwarder's envelope is found, and counted under the envelope's name."""
    shape, wrap = ENVELOPES[name]
    result = read(wrap(json.dumps(RECORD)))
    assert what(result) == OF_RECORD
    assert (result.rejected, dict(result.records)) == ((), {shape: 1})


@pytest.mark.parametrize("name", ENVELOPES)
@pytest.mark.parametrize("shape", ["records-file", "eventbridge", "sns-of-eventbridge", "cloudwatch-logs", "awslogs"])
def test_what_is_carried_is_a_message_of_any_shape(name: str, shape: str) -> None:
    """R8: a log file, an event, a notification or a subscription in an envelope is read as without the envelope."""
    result = read(ENVELOPES[name][1](SHAPES[shape](RECORD, json.dumps)))
    assert what(result) == OF_RECORD
    assert result.rejected == ()


@pytest.mark.parametrize("name", OF_BYTES)
def test_carried_bytes_may_be_a_packed_subscription_or_lines(name: str) -> None:
    """R8: as CloudWatch Logs sends to Kinesis and Firehose, and as Firehose puts records together."""
    wrap = OF_BYTES[name][1]
    for content in (
        gzip.compress(json.dumps(subscription(RECORD, json.dumps)).encode()),
        b"\n" + json.dumps(OTHER).encode() + b"\n" + json.dumps(RECORD).encode() + b"\n",
    ):
        result = read(wrap(content))
        assert (what(result), result.rejected) == (OF_RECORD, ())


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_refused_call_is_none_in_an_envelope(name: str) -> None:
    """T2: a refused call in an envelope stays refused."""
    result = read(ENVELOPES[name][1](json.dumps(changed({"errorCode": "AccessDenied"}))))
    assert (result.sightings, result.rejected) == ((), ())


# These are two envelopes, one in the other.
TWO = {name for name in ENVELOPES if name.startswith(("Kafka Connect, a message", "Kafka Connect, a record"))}
TWO |= {"an entry of Lambda's Kinesis event", "Vector, native_json", "Wazuh, the full log, an object"}
_names = st.lists(st.sampled_from(sorted(ENVELOPES)), max_size=3)


@given(
    _names.filter(lambda names: sum(1 + (name in TWO) for name in names) <= 3),
    st.sampled_from(["record", "records-file", "array", "lines", "sns-of-record"]),
)
def test_up_to_three_envelopes_change_nothing(names: list[str], shape: str) -> None:
    """R8: a message has the same sightings in any envelopes."""
    text = SHAPES[shape](RECORD, json.dumps)
    if shape == "lines":
        names = [name for name in names if "an object" not in name]
    for name in names:
        text = json.dumps(ENVELOPES[name][1](text))
    result = read(text.encode())
    assert (what(result), result.rejected) == (OF_RECORD, ())


@pytest.mark.parametrize(
    "name", [name for name in ENVELOPES if "Agent" not in name and "elastic" not in name and name[-9:] != "an object"]
)
def test_a_fourth_envelope_is_not_opened(name: str) -> None:
    """R3, R8: a message may have three envelopes; with a fourth its shape is unknown, also in an Elastic dataset."""
    text = json.dumps(RECORD)
    for _ in range(4):
        text = json.dumps(ENVELOPES[name][1](text))
    result = read(text.encode())
    assert (result.sightings, [rejected.reason for rejected in result.rejected]) == ((), ["unknown-shape"])


HOLDS_NOTHING: dict[str, str] = {
    "nothing": "",
    "a digest": json.dumps({"digestStartTime": "a", "digestEndTime": "b", "logFiles": []}),
    "an announcement": '{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/1.json.gz"]}',
    "S3's test event": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"}),
    "S3's announcement": '{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{}}]}',
    "a control message": json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": []}),
    "an Insight event": json.dumps(changed({"eventCategory": "Insight"})),
    "a network activity event": json.dumps(changed({"eventCategory": "NetworkActivity"})),
}


@pytest.mark.parametrize("name", OF_TEXT)
@pytest.mark.parametrize("nothing", HOLDS_NOTHING)
def test_what_is_known_to_hold_no_record_is_no_dead_letter_in_an_envelope(name: str, nothing: str) -> None:
    """R5, R8: digests, tests, announcements and control messages are passed over in an envelope too."""
    result = read(OF_TEXT[name][1](HOLDS_NOTHING[nothing]))
    assert (result.sightings, result.rejected) == ((), ())


@pytest.mark.parametrize(
    "document",
    [
        {"schema": None, "payload": None},
        {"_raw": None},
        {"eventSource": "aws:kafka", "records": {"t-0": [{"topic": "t", "partition": 0, "offset": 1, "key": "aw=="}]}},
        {"topic": "t", "offset": 1, "value": None},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}, {"body": {}}]}]}]},
        {"resourceLogs": []},
        {"resourceLogs": [{"resource": {}}, {"scopeLogs": [{"scope": {}}]}]},
    ],
)
def test_an_envelope_without_content_is_like_a_tombstone(document: Any) -> None:
    """R5, R8: an envelope without content is passed over."""
    result = read(document)
    assert (result.sightings, result.rejected) == ((), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("AssumeRoot was called", "malformed"),
        (json.dumps(RECORD)[:-9], "malformed"),
        ('{"hello": "AssumeRoot"}', "unknown-shape"),
        (f"prefix {json.dumps(RECORD)}", "malformed"),
        (json.dumps({"incident": RECORD}), "unknown-shape"),
    ],
)
@pytest.mark.parametrize("name", ["Kafka Connect, a string", "Vector, aws_s3", "Fluentd", "Fluent Bit", "Filebeat"])
def test_what_is_carried_is_cloudtrail_as_a_whole_or_not_at_all(name: str, text: str, reason: str) -> None:
    """R2, R6: the content of an envelope is not searched for records; the dead letter is the message."""
    value = json.dumps(OF_TEXT[name][1](text)).encode()
    [rejected] = read(value).rejected
    assert (rejected.reason, rejected.element) == (reason, None)
    assert TOKEN.encode() not in rejected.content


def _twice(envelope: Any, bad: Callable[[Any], Any]) -> Any:
    """Return the envelope with its entry, a bad entry, and its entry again."""
    if isinstance(envelope, list):
        return [envelope[0], bad(envelope[0]), envelope[0]]
    for key, value in envelope.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return {**envelope, key: [value[0], bad(value[0]), value[0]]}
        if key == "records":
            return {**envelope, key: _twice(value, bad)}
    raise AssertionError(envelope)


BATCHES = [name for name, (shape, _) in ENVELOPES.items() if shape in {"sqs", "lambda-sns", "kinesis", "lambda-kafka"}]
BATCHES += ["Firehose's HTTP body", "Firehose's transformation", "lookup-events", "EventBridge Pipes, Kafka"]
BATCHES = [name for name in BATCHES if not name.startswith(("one ", "an entry "))]


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("bad", [None, 7, {"a": 1}])
def test_a_bad_entry_of_a_batch_costs_only_itself(name: str, bad: Any) -> None:
    """R4, R8: the good entries count, and the bad one is rejected alone with its position, in any order."""
    envelope = ENVELOPES[name][1](json.dumps(RECORD))
    result = read(_twice(envelope, lambda _: bad))
    assert what(result) == OF_RECORD * 2
    assert [(r.reason, r.element, r.content) for r in result.rejected] == [
        ("unknown-shape", 1, json.dumps(bad, separators=(",", ":")).encode())
    ]


@pytest.mark.parametrize("name", BATCHES)
def test_elements_are_numbered_across_the_entries_of_a_batch(name: str) -> None:
    """R4: an entry may carry several elements; a bad element has its position among those of all entries."""
    envelope = ENVELOPES[name][1](json.dumps([RECORD, {"hello": TOKEN}]))
    result = read(_twice(envelope, lambda entry: entry))
    assert [(r.reason, r.element) for r in result.rejected] == [("unknown-shape", n) for n in (1, 3, 5)]
    assert what(result) == OF_RECORD * 3


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_in_what_a_caller_controls_is_not_opened(name: str) -> None:
    """R2: an envelope in a request, a user agent or a policy never gives a sighting."""
    envelope = ENVELOPES[name][1](json.dumps(RECORD))
    for trap in (
        changed({"eventName": "PutEvents", "requestParameters": envelope}),
        changed({"eventName": "PutEvents", "requestParameters": json.dumps(envelope)}),
        changed({"eventName": "PutEvents", "userAgent": json.dumps(envelope)}),
        {"Records": [changed({"eventName": "PutEvents", "additionalEventData": envelope})]},
        ENVELOPES[name][1](json.dumps(changed({"eventName": "PutEvents", "requestParameters": envelope}))),
    ):
        result = read(trap)
        assert (result.sightings, result.rejected) == ((), ())


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_record_wins_over_the_keys_of_an_envelope(name: str) -> None:
    """R8: a record with the keys of an envelope beside its own is a record."""
    envelope = ENVELOPES[name][1](json.dumps(OTHER))
    if isinstance(envelope, dict):
        assert what(read({**envelope, **RECORD})) == OF_RECORD


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    **COMPRESSIONS,
    "indented": lambda content: json.dumps(json.loads(content), indent=2).encode(),
    "blanks": lambda content: b"\n " + content,
    "a mark": lambda content: content.decode().encode("utf-8-sig"),
    "utf-16": lambda content: content.decode().encode("utf-16"),
    "Confluent's prefix": lambda content: b"\0\0\0\1\2" + content,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", OF_BYTES)
def test_carried_bytes_may_be_packed_in_any_way(name: str, packing: str) -> None:
    """R8: base64 holds a message as its producer compressed or encoded it."""
    result = read(OF_BYTES[name][1](PACKINGS[packing](json.dumps({"Records": [RECORD]}).encode())))
    assert (what(result), result.rejected) == (OF_RECORD, ())


@pytest.mark.parametrize(
    ("name", "packing"),
    [(name, packing) for name in ENVELOPES for packing in (PACKINGS if name in OF_BYTES else ["plain"])],
)
def test_no_token_leaves_in_what_is_carried(name: str, packing: str) -> None:
    """T7: no dead letter of a message or an element shows a token, in text, objects or base64."""
    incomplete = changed({"userIdentity": None})
    wrap = ENVELOPES[name][1]
    pack = PACKINGS[packing]
    if name in OF_BYTES:
        wrap = lambda text: OF_BYTES[name][1](pack(text.encode()))  # noqa: E731  the same kind of thing
    for carried in (incomplete, [incomplete, RECORD, {"sessionToken": TOKEN}]):
        envelope = wrap(json.dumps(carried))
        assert _is_free_of_tokens(read(envelope), pack)
        assert _is_free_of_tokens(read([envelope, {"hello": envelope}]), pack)


def _is_free_of_tokens(result: SightResult, pack: Callable[[bytes], bytes]) -> bool:
    assert result.rejected
    secret = b64(pack(json.dumps(RECORD["responseElements"]).encode()))[8:40]
    shown = [rejected.content.decode() for rejected in result.rejected]
    shown += [sighting.record for sighting in result.sightings]
    return not any(TOKEN in text or TOKEN.replace("/", "\\/") in text or secret in text for text in shown) and all(
        rejected.redacted for rejected in result.rejected
    )


RECORDS: dict[str, dict[str, Any]] = {
    "Logstash's codec": {**changed({"eventTime": MISSING}), "@timestamp": "2026-01-01T12:00:00Z", "@version": "1"},
    "parameters as JSON": changed(
        {name: json.dumps(RECORD[name]) for name in ("requestParameters", "responseElements", "userIdentity")}
    ),
    "parameters as Java writes a map": changed(
        {name: java_map(RECORD[name]) for name in ("requestParameters", "responseElements", "userIdentity")}
    ),
    "a time of Lake": changed({"eventTime": "2026-01-01 12:00:00.000"}),
    "a time without an offset": changed({"eventTime": "2026-01-01T12:00:00"}),
    "parameters as Lake has them, a map of texts": changed(
        {
            name: java_map(
                {key: json.dumps(value) if isinstance(value, dict) else value for key, value in members.items()}
            )
            for name, members in ((name, RECORD[name]) for name in ("requestParameters", "responseElements"))
        }
    ),
    "parameters as JSON of texts": changed(
        {
            name: json.dumps({key: java_map(value) for key, value in RECORD[name].items()})
            for name in ("requestParameters", "responseElements")
        }
    ),
    "a Lake row": changed(
        {
            "eventTime": "2026-01-01 12:00:00.000",
            "userIdentity": java_map(RECORD["userIdentity"])
            .replace("sessionContext", "sessioncontext")
            .replace("sessionIssuer", "sessionissuer")
            .replace("accountId", "accountid"),
            "requestParameters": java_map(RECORD["requestParameters"]),
            "responseElements": java_map(RECORD["responseElements"]),
            "resources": "[{accountid=333333333333, type=AWS::IAM::Root, arn=arn:aws:iam::333333333333:root}]",
        }
    ),
}


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("around", [None, "eventbridge", "records-file", "Fluentd"])
def test_a_record_whose_form_was_changed_is_what_it_was(form: str, around: str | None) -> None:
    """R9: objects as text, a time under another name or without an offset, in every shape."""
    record = RECORDS[form]
    if around in SHAPES:
        result = read(SHAPES[around](record, json.dumps).encode())
    else:
        result = read(OF_TEXT[around][1](json.dumps(record)) if around else record)
    assert (what(result), result.rejected) == (OF_RECORD, ())
    [sighting] = result.sightings
    assert sighting.identity.session_issuer_arn == ISSUER
    assert sighting.identity.account_id == "111111111111"
    assert [resource.account_id for resource in sighting.event.resources] == ["333333333333"]
    assert TOKEN not in sighting.record


@pytest.mark.parametrize("bad", [7, {"body": "text"}, {"body": {"other": 1}}, {"body": [1]}])
def test_a_log_record_without_a_known_body_costs_only_itself(bad: Any) -> None:
    """R4, R8: a body of a form that OTLP does not have costs only its log record."""
    envelope = OF_TEXT["OpenTelemetry"][1](json.dumps(RECORD))
    entries = envelope["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    entries[:] = [entries[0], bad, entries[0]]
    result = read(envelope)
    assert what(result) == OF_RECORD * 2
    assert [(r.reason, r.element) for r in result.rejected] == [("unknown-shape", 1)]


@pytest.mark.parametrize(
    "logs", [RECORD, [RECORD["eventName"]], [{"scopeLogs": 1}], [{"scopeLogs": [{"logRecords": "x"}]}]]
)
def test_logs_that_are_no_lists_are_not_lost(logs: Any) -> None:
    """R6: a value in the position of a list has an unknown shape."""
    result = read({"resourceLogs": logs})
    assert (result.sightings, [rejected.reason for rejected in result.rejected]) == ((), ["unknown-shape"])


def test_rows_of_a_query_are_records() -> None:
    """R9: CloudTrail Lake answers with a list of columns per row; a row that is not a record costs only itself."""
    row = [{name: value if isinstance(value, str) else json.dumps(value)} for name, value in RECORD.items()]
    result = read({"QueryStatus": "FINISHED", "QueryResultRows": [row, [{"count": "1"}], None, row]})
    assert what(result) == OF_RECORD * 2
    assert [(r.reason, r.element) for r in result.rejected] == [("unknown-shape", 1), ("unknown-shape", 2)]


def test_a_list_of_one_resource_may_be_that_resource() -> None:
    """R8: Wazuh replaces a list of one entry by that entry."""
    record = changed({"resources": RECORD["resources"][0], "requestParameters.targetPrincipal": MISSING})
    [sighting] = read(OF_OBJECT["Wazuh"][1](record)).sightings
    assert (sighting.member_account, sighting.member_account_source) == ("333333333333", "resources")


@pytest.mark.parametrize("detail", [json.dumps(RECORD), json.dumps(RECORD, indent=1)])
def test_the_detail_of_an_event_may_be_text(detail: str) -> None:
    """R8: the content is the record as a whole, or not a record."""
    event = eventbridge(RECORD)
    assert what(read({**event, "detail": detail})) == OF_RECORD
    assert [r.reason for r in read({**event, "detail": detail[:-3]}).rejected] == ["malformed"]
    assert [r.reason for r in read({**event, "detail": json.dumps([RECORD])}).rejected] == ["unknown-shape"]
    custom = read({**event, "detail-type": "order", "detail": json.dumps({"Records": [RECORD]})})
    assert (custom.sightings, custom.rejected) == ((), ())


OF_ANOTHER: dict[str, Any] = {
    "a flow log": {"event": {"dataset": "aws.vpcflow"}, "message": "2 AssumeRoot ACCEPT"},
    "a cut document of AWS": {"event": {"dataset": "aws.waf"}, "message": '{"AssumeRoot": '},
    "an access log": {"data_stream": {"dataset": "nginx.access"}, "event": {"original": "GET /AssumeRoot"}},
    "another JSON": {"event": {"dataset": "app"}, "message": '{"msg": "AssumeRoot"}'},
    "several JSON": {"event": {"dataset": "app"}, "message": '{"msg": "AssumeRoot"}\n{"msg": 1}'},
    "a parsed document": changed({"event.dataset": "app", "aws": MISSING, "event.original": "{}"}, ecs(RECORD)),
}


@pytest.mark.parametrize("name", OF_ANOTHER)
def test_a_document_of_another_dataset_without_a_record_is_no_dead_letter(name: str) -> None:
    """R5, T2: the message of another dataset may be anything."""
    result = read(OF_ANOTHER[name])
    assert (result.sightings, result.rejected) == ((), ())


def test_a_record_that_was_cut_is_a_dead_letter_under_any_dataset() -> None:
    """R3, T2: under an operator's own dataset, text that begins like a record may be a cut record."""
    document = {"event": {"dataset": "my_trail"}, "message": json.dumps(RECORD)[:-9]}
    assert [rejected.reason for rejected in read(document).rejected] == ["malformed"]


def test_a_notification_in_a_lambda_event_may_announce_a_file() -> None:
    """R5: CloudTrail's own validation message is passed over too."""
    for message in ("CloudTrail validation message.", '{"s3Bucket":"trail","s3ObjectKey":["1"]}'):
        result = read(OF_TEXT["Lambda's SNS event"][1](message))
        assert (result.sightings, result.rejected) == ((), ())


def test_three_envelopes_around_notifications_and_packed_logs_are_opened() -> None:
    """R8: the bound counts envelopes of forwarders only; AWS's wrappers have their own bound."""
    text = json.dumps(sns(json.dumps(sns(json.dumps(awslogs(RECORD, json.dumps))))))
    for name in ("Lambda's SQS event", "Lambda's Kinesis event", "Kafka Connect, bytes"):
        text = json.dumps(ENVELOPES[name][1](text))
    assert what(read(text.encode())) == OF_RECORD
