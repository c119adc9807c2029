"""Messages of any shape, packing, codec, key and topic alert once, and bad messages are kept."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import avro.io
import avro.schema
import pytest
from cloudtrail_messages import MISSING, OTHER, PACKINGS, RECORD, SHAPES, TOKEN, awslogs, changed
from confluent_kafka import Producer
from worker_process import Deployment, wait_for

from streams.wire.schemas import written
from streams.wire.single_object import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from confluent_kafka import Message
    from kafka_broker import Names, RunningBroker

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LIMIT = 256 * 1024  # the largest message in bytes, decompressed
CUT = 16 * 1024 * 1024 - 64 * 1024  # the largest dead letter in bytes
NOISE = json.dumps(OTHER).encode()
SECRET = re.compile(re.escape(TOKEN[:12]).encode())
RULE_ID = b"aws-sts-assume-root-rare-pair"


@pytest.fixture
def sources(broker: RunningBroker, names: Names) -> tuple[str, str]:
    """Two source topics, with other numbers of partitions than the deployment's own topics."""
    big = str(20 * 1024 * 1024)
    broker.create_topic(f"{names.source_topic}-b", partitions=5, max_message_bytes=big)
    return broker.create_topic(names.source_topic, partitions=3), f"{names.source_topic}-b"


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path, sources: tuple[str, str]) -> Deployment:
    settings = {"source_topics": ",".join(sources), "max_message_size": f"{LIMIT}B"}
    made = Deployment(broker.bootstrap, names, tmp_path, settings)
    made.apply_topics()
    return made


def record_of(principal: str, account: int) -> dict[str, Any]:
    """A record with its own pair."""
    arn = f"arn:aws:sts::111111111111:assumed-role/{principal}/casey"
    return changed(
        {
            "userIdentity.arn": arn,
            "requestParameters.targetPrincipal": f"{account:012d}",
            "eventID": f"{principal}-{account}",
        }
    )


def messages() -> Iterator[tuple[str, bytes, tuple[str, str]]]:
    """Codec, message and pair, for every shape with every codec, and for every packing."""
    for number, codec in enumerate(CODECS):
        account = 400_000_000_000 + number
        for shape, write in SHAPES.items():
            record = record_of(shape, account)
            yield codec, write(record, json.dumps).encode(), pair_of(record)
    for number, (packing, pack) in enumerate(PACKINGS.items()):
        record = record_of(packing, 500_000_000_000)
        yield CODECS[number % len(CODECS)], pack(json.dumps(record)), pair_of(record)


def pair_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The pair that a record is about."""
    return record["userIdentity"]["arn"], record["requestParameters"]["targetPrincipal"]


def send(
    bootstrap: str, topics: Iterable[str], values: Iterable[bytes], codec: str = "none", **headers: bytes | None
) -> None:
    """Send the values to the topics in turn, with random keys, in batches of the codec."""
    chance = random.Random(codec)  # noqa: S311  no secret
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "linger.ms": 20,
            "message.max.bytes": 20 * 1024 * 1024,
        }
    )
    turns = list(topics)
    for number, value in enumerate(values):
        key = headers.get("key", chance.choice([None, b"", chance.randbytes(8), b"key"]))
        producer.produce(turns[number % len(turns)], value, key)
    assert producer.flush(60) == 0


def all_done(deployment: Deployment, topics: Iterable[str]) -> bool:
    """Whether the group has committed the end of these topics."""
    for topic in topics:
        committed = deployment.committed(topic)
        if any(end > 0 and committed[number] < end for number, end in deployment.ends(topic).items()):
            return False
    return True


def decode_with_avro(message: Message) -> dict[str, Any]:
    """The alert as the avro package reads it with the shipped schema."""
    schema = written("alert")
    assert message.value()[:10] == b"\xc3\x01" + fingerprint(schema)
    reader = avro.io.DatumReader(avro.schema.parse(json.dumps(schema)))
    alert: dict[str, Any] = reader.read(avro.io.BinaryDecoder(io.BytesIO(message.value()[10:])))
    return alert


def test_every_shape_alerts_once(deployment: Deployment, sources: tuple[str, str]) -> None:
    """R1, A5: each shape, packing and codec, in two topics and with any key, alerts once; other Avro readers read it.

    A topic without any match is committed to its end too.
    """
    expected: set[tuple[str, str]] = set()
    with deployment.worker() as worker:
        for codec in CODECS:
            mine = [(value, pair) for its, value, pair in messages() if its == codec]
            expected |= {pair for _, pair in mine}
            send(deployment.bootstrap, sources, [part for value, _ in mine for part in (NOISE, value, NOISE)], codec)
        own = f"{deployment.topic}.sightings"
        worker.wait_until_ready()
        wait_for(lambda: all_done(deployment, [*sources, own]), "all offsets are committed")
        send(deployment.bootstrap, sources, [NOISE] * 2000, "zstd")
        wait_for(lambda: all_done(deployment, sources), "the offsets of messages without a match are committed")
        assert worker.terminate() == 0, worker.tail()
    stored = deployment.read(f"{deployment.topic}.alerts")
    found: Counter[tuple[str, str]] = Counter()
    for message in stored:
        alert = decode_with_avro(message)
        found[alert["principal"]["arn"], alert["member_account"]["id"]] += 1
        assert message.key() == alert["alert_id"].encode()
        assert dict(message.headers()) == {"rule_id": RULE_ID, "severity": b"low"}
        assert alert["origin"]["topic"] in sources
    assert found == Counter(expected)
    assert deployment.read(f"{deployment.topic}.dead-letter") == []
    assert_no_token(deployment, sources)


BAD_RECORD = changed({"userIdentity.arn": MISSING, "eventID": "bad"})
LARGE = json.dumps(changed({"userAgent": "x" * LIMIT})).encode()
HUGE = b'{"eventName":"AssumeRoot","sessionToken":"' + TOKEN.encode() + b'","x":"' + b"y" * (CUT + 1000)

# The message; the dead letter's reason, its element, whether tokens were replaced, and its length if it was cut.
BAD: dict[str, tuple[bytes, str, str | None, bool, bool]] = {
    "incomplete": (json.dumps(BAD_RECORD).encode(), "incomplete", None, True, False),
    "incomplete, without a token": (
        json.dumps(changed({"eventTime": "soon", "responseElements": None})).encode(),
        "incomplete",
        None,
        False,
        False,
    ),
    "incomplete, in gzip": (gzip.compress(json.dumps(BAD_RECORD).encode()), "incomplete", None, True, False),
    "cut": (json.dumps(RECORD).encode()[:-20], "malformed", None, True, False),
    "cut inside awslogs": (json.dumps(awslogs(RECORD, json.dumps)).encode()[:-20], "malformed", None, True, False),
    "of no known shape": (json.dumps({"wrapped": RECORD}).encode(), "unknown-shape", None, True, False),
    "too large": (LARGE, "too-large", None, True, False),
    "too large, in gzip": (gzip.compress(LARGE), "too-large", None, True, False),
    "over what a topic takes": (HUGE, "too-large", None, True, True),
    "one of three records": (
        json.dumps({"Records": [record_of("good", 1), BAD_RECORD, record_of("good", 2)]}).encode(),
        "incomplete",
        "1",
        True,
        False,
    ),
    "one of three lines": (
        b"\n".join([json.dumps(record_of("good", 3)).encode(), b'{"eventName":"AssumeRoot"', NOISE]),
        "malformed",
        "1",
        False,
        False,
    ),
}


def test_bad_messages_are_kept(deployment: Deployment, sources: tuple[str, str]) -> None:
    """R4, R6, T5, T7: a bad message, or the bad element alone, becomes a dead letter with its reason and position."""
    topic = sources[1]
    good = record_of("good", 4)
    with deployment.worker() as worker:
        for name, (value, *_) in BAD.items():
            send(deployment.bootstrap, [topic], [value], "zstd", key=name.encode())
        send(deployment.bootstrap, [topic], [json.dumps(good).encode()])
        worker.wait_until_ready()
        wait_for(lambda: all_done(deployment, [topic, f"{deployment.topic}.sightings"]), "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
        log = worker.log.read_bytes()
    places = {message.key().decode(): message for message in deployment.read(topic) if message.key()}
    letters = deployment.read(f"{deployment.topic}.dead-letter")
    assert sorted(letter.key().decode() for letter in letters) == sorted(BAD)
    for letter in letters:
        name = letter.key().decode()
        value, reason, element, redacted, truncated = BAD[name]
        source = places[name]
        headers = dict(letter.headers())
        error = headers.pop("error").decode()
        expected = {
            "reason": reason,
            "topic": source.topic(),
            "partition": str(source.partition()),
            "offset": str(source.offset()),
        }
        if element is not None:
            expected["element"] = element
        if redacted:
            expected["redacted"] = "true"
        if truncated:
            assert len(letter.key()) + len(letter.value()) == CUT
            assert CUT < int(headers.pop("truncated")) <= len(value)
        assert {header: said.decode() for header, said in headers.items()} == expected, name
        assert error
        if not redacted and element is None:
            assert letter.value() == value
        if element is not None:
            assert b"good" not in letter.value()
    pairs = {
        (alert["principal"]["arn"], alert["member_account"]["id"])
        for alert in map(decode_with_avro, deployment.read(f"{deployment.topic}.alerts"))
    }
    assert pairs == {pair_of(record_of("good", account)) for account in (1, 2, 3, 4)}
    assert not SECRET.search(log)
    assert_no_token(deployment, sources)


def test_large_names(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """R3, T5: a principal or a key of megabytes stops no worker: both become dead letters, because they do not fit."""
    topic = broker.create_topic(names.source_topic, partitions=1, max_message_bytes=str(20 * 1024 * 1024))
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    deployment.apply_topics()
    name = base64.b64encode(random.Random(3).randbytes(1_200_000)).decode()  # noqa: S311  what compression cannot shrink
    principal = f"arn:aws:iam::111111111111:user/{name}"
    with deployment.worker() as worker:
        worker.wait_until_ready()
        send(deployment.bootstrap, [topic], [json.dumps(changed({"userIdentity.arn": principal})).encode()], "zstd")
        send(deployment.bootstrap, [topic], [HUGE], "zstd", key=b"k" * 1_000_000)
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    letters = {
        dict(letter.headers())["reason"]: letter for letter in deployment.read(f"{deployment.topic}.dead-letter")
    }
    assert set(letters) == {b"incomplete", b"malformed"}
    cut = letters[b"malformed"]
    assert len(cut.key()) + len(cut.value()) == CUT
    assert CUT < int(dict(cut.headers())["truncated"]) <= len(HUGE)


def assert_no_token(deployment: Deployment, sources: Iterable[str]) -> None:
    """T7: no topic that the worker writes has a session token, however it is packed."""
    with_token = [message for topic in sources for message in deployment.read(topic) if holds_token(message.value())]
    assert with_token, "the search finds nothing where there is something to find"
    topics = ("sightings", "sessions", "activity", "alerts", "alerts.overflow", "dead-letter")
    written = [f"{deployment.topic}.{name}" for name in topics] + [f"{deployment.names.group_id}-memory-changelog"]
    for topic in written:
        for message in deployment.read(topic):
            assert not holds_token(message.value()), (topic, message.key(), message.headers())
            assert not any(SECRET.search(said) for _, said in message.headers() or ())


def holds_token(value: bytes | None) -> bool:
    """Whether the token's beginning is in the bytes, in their gzip, or in base64 of gzip inside, damaged or not."""
    value = value or b""
    if value.startswith(b"\x1f\x8b"):
        return holds_token(unzipped(value))
    if b"\0" in value[:4] and not value.startswith(b"\xc3\x01"):
        value = value.replace(b"\0", b"")  # UTF-16 and UTF-32 of ASCII
    packed = (text[: len(text) // 4 * 4] for text in re.findall(rb"H4sI[A-Za-z0-9+/]{40,}={0,2}", value))
    return bool(SECRET.search(value)) or any(holds_token(base64.b64decode(text)) for text in packed)


def unzipped(value: bytes) -> bytes:
    """The content of gzip with any number of members, as far as it can be read."""
    found = b""
    while value.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        found += member.decompress(value)
        value = member.unused_data
    return found
