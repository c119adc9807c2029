"""Archives in S3, against moto's server: the same alerts as from files, pruned folders, named refusals."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
import root_sessions
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from ocsf_events import VERSIONS, ocsf
from replay_records import Ran, lines, ordinary, record, run
from security_lake import parquet, path_of

from streams.backtest.sources.archive import Listing, is_worth_entering
from streams.backtest.sources.span import Span
from streams.extraction.event_time import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BASE = "AWSLogs/o-abc/111111111111/CloudTrail/us-east-1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    yield "http://{}:{}".format(*moto.get_host_and_port())
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket of this test alone, and the environment in which AWS tools find it."""
    from streams.backtest.sources import s3  # noqa: PLC0415  its cache is this fixture's to clear

    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3._store.cache_clear()  # noqa: SLF001
    # A fork server of an earlier test would start processes with the environment of that test.
    forkserver._forkserver._stop()  # noqa: SLF001  there is no public way
    made = boto3.resource("s3").create_bucket(Bucket="trail")
    yield made
    made.objects.all().delete()
    made.delete()


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", *arguments)


def daily(day: int) -> bytes:
    found = record(f"2026-01-{day:02d}T00:00:00Z", account=f"{day:012d}")
    return gzip.compress(json.dumps({"Records": [ordinary(day), found]}).encode())


def day(number: int) -> int:
    """Midnight of a day of January 2026."""
    return round(datetime(2026, 1, number, tzinfo=UTC).timestamp() * 1000)


def accounts(ran: Ran) -> list[int]:
    return [int(account) for _, account, _ in ran.outlines()]


def test_a_prefix_gives_what_the_same_files_give(bucket: Any, backtest: Backtest, tmp_path: Path) -> None:
    """An archive in S3 gives the bytes that its copy on disk gives, and digests are skipped (R5)."""
    for day in range(1, 21):
        name = f"{BASE}/2026/01/{day:02d}/a.json.gz"
        bucket.put_object(Key=name, Body=daily(day))
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(daily(day))
    bucket.put_object(Key="AWSLogs/o-abc/111111111111/CloudTrail-Digest/a.json.gz", Body=b"no gzip")
    bucket.put_object(Key="AWSLogs/", Body=b"")
    ran = backtest("s3://trail/AWSLogs")
    assert (ran.code, accounts(ran)) == (0, list(range(1, 21)))
    assert "messages     20\n" in ran.err
    assert ran.out == backtest(tmp_path / "AWSLogs").out
    assert ran.out == backtest("s3://trail/", "s3://trail/AWSLogs/").out


def test_sessions_are_followed_in_objects(
    bucket: Any, backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14: grants and actions in objects join as in files; most objects have no mark of the rule, and stay unparsed."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)
    monkeypatch.setattr("streams.backtest.sources.files.TASK_FILES", 2)
    credentials = {"accessKeyId": root_sessions.KEY, "sessionToken": "secret"}
    grant = record(format_time(root_sessions.GRANTED_AT), responseElements={"credentials": credentials})
    calls = [root_sessions.record(eventID=f"call-{number}") for number in range(5)]
    for number, found in enumerate([grant, *calls]):
        value = gzip.compress(json.dumps({"Records": [ordinary(number), found]}).encode())
        bucket.put_object(Key=f"{number}.json.gz", Body=value)
        (tmp_path / f"{number}.json.gz").write_bytes(value)
    ran = backtest("s3://trail", "--sessions", "of-objects", "--processes", 2)
    assert (ran.code, len(ran.alerts)) == (0, 1)
    assert "messages     6 (5 without any mark of the rule" in ran.err
    backtest(*tmp_path.glob("*.gz"), "--sessions", "of-files")
    told = (tmp_path / "of-objects").read_bytes()
    assert told == (tmp_path / "of-files").read_bytes()
    assert [next(iter(json.loads(line))) for line in told.splitlines()] == ["activity"] * 5 + ["summary"]


def test_processes_and_large_objects_change_nothing(
    bucket: Any, backtest: Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that are fetched whole and those read in blocks, by one process or several, give the same bytes."""
    for day in range(1, 9):
        bucket.put_object(Key=f"{day}.jsonl", Body=lines(*[ordinary(1)] * 50, json.loads(gzip.decompress(daily(day)))))
    outputs = {backtest("s3://trail").out}
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)
    monkeypatch.setattr("streams.backtest.sources.files.TASK_FILES", 2)
    outputs.add(backtest("s3://trail", "--processes", 3).out)
    monkeypatch.setattr("streams.backtest.sources.s3.AT_ONCE", 0)
    outputs.add(backtest("s3://trail", "--processes", 1).out)
    assert len(outputs) == 1
    assert outputs != {b""}


def test_a_prefix_of_a_security_lake_gives_what_its_files_give(
    bucket: Any, backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R10: Parquet of both versions, fetched whole or in blocks; other days and Iceberg's files are left out."""
    for day in range(1, 11):
        version = VERSIONS[day % 2]
        event = ocsf(record(f"2026-01-{day:02d}T00:00:00Z", account=f"{day:012d}"), version)
        name, content = (
            path_of(f"202601{day:02d}", version=version),
            parquet([ocsf(ordinary(day), version), event], version),
        )
        bucket.put_object(Key=name, Body=content)
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
    bucket.put_object(Key="aws/CLOUD_TRAIL_MGMT/2.0/metadata/v1.metadata.json", Body=b"{}")
    bucket.put_object(Key=path_of("20260109", "cut"), Body=content[:100])
    span = ("--from", "2026-01-05", "--to", "2026-01-07")
    ran = backtest("s3://trail/aws/CLOUD_TRAIL_MGMT/", *span)
    assert (ran.code, accounts(ran)) == (0, [5, 6])
    assert "messages     8\n" in ran.err
    assert ran.out == backtest(tmp_path / "aws", *span).out
    monkeypatch.setattr("streams.backtest.sources.s3.AT_ONCE", 0)
    ran = backtest("s3://trail/aws")
    assert (ran.code, accounts(ran)) == (1, list(range(1, 11)))
    assert f"s3://trail/{path_of('20260109', 'cut')}: damaged Parquet: " in ran.err


def test_days_outside_the_span_are_not_listed(bucket: Any, backtest: Backtest) -> None:
    """Dated prefixes are pruned by --from and --to, but for a day's margin."""
    for day in range(1, 11):
        bucket.put_object(Key=f"{BASE}/2026/01/{day:02d}/a.json.gz", Body=daily(day))
    ran = backtest("s3://trail/AWSLogs", "--from", "2026-01-05", "--to", "2026-01-07")
    assert accounts(ran) == [5, 6]
    assert "messages     4\n" in ran.err


DATES = ["2025/12/31", "2026/01/01", "2026/01/04", "2026/01/05", "2026/01/07", "2026/01/08", "2026/02/01", "2027/01/01"]
PLACES = ["CloudTrail-Digest/us-east-1", "CloudTrail/us-east-1", "CloudTrail/us-west-2", "CloudTrail"]
ODD = ["2026/13/01", "2026/02/30", "2026/1", "2026/04-x", "2026/00", "2026/x", "2026/06", "0000", "2025-26", "undated"]
PREFIXES = ["", "AWSLogs", "copy/AWSLogs/o/2/CloudTrail", "AWSLogs/1/CloudTrail/us-east-1/2026"]
KEYS = st.builds(
    "{}/{}/{}{}".format,
    st.sampled_from(["AWSLogs/1", "copy/AWSLogs/o/2"]),
    st.sampled_from(PLACES),
    st.sampled_from([*DATES, *ODD]),
    st.sampled_from(["/a", "/b", "/~", ".json"]),
)
DAYS = st.one_of(st.none(), st.sampled_from([*map(day, range(1, 10))]))
SPANS = st.builds(Span, DAYS, DAYS)


class PagedStore:
    """Answers like S3, with a few keys per answer, and counts the requests."""

    def __init__(self, keys: Iterable[str], at_once: int, *, knows_start: bool = True) -> None:
        self.keys, self.at_once, self.knows_start, self.asked = sorted(set(keys)), at_once, knows_start, 0

    def info(self, _address: str) -> dict[str, str]:
        """Every address is a prefix."""
        return {"type": "directory"}

    def split_path(self, address: str) -> tuple[str, str, None]:
        """Bucket and key."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return bucket, key, None

    def call_s3(self, method: str, **asked: str) -> dict[str, Any]:
        """One answer."""
        assert (method, asked.pop("Bucket")) == ("list_objects_v2", "trail")
        self.asked += 1
        prefix, start, delimiter = asked.pop("Prefix"), asked.pop("StartAfter", ""), asked.pop("Delimiter", None)
        after = asked.pop("ContinuationToken", start if self.knows_start else "")
        assert not asked
        left = [key for key in self.keys if key.startswith(prefix) and key > after]
        if delimiter:
            cut = {key: f"{prefix}{key.removeprefix(prefix).split(delimiter)[0]}{delimiter}" for key in left}
            names = sorted({key if delimiter not in key.removeprefix(prefix) else cut[key] for key in left})
            page = names[: self.at_once]
            return {
                "Contents": [{"Key": name, "Size": 1} for name in page if not name.endswith(delimiter)],
                "CommonPrefixes": [{"Prefix": name} for name in page if name.endswith(delimiter)],
                "IsTruncated": len(names) > len(page),
            }
        page = left[: self.at_once]
        answer: dict[str, Any] = {"Contents": [{"Key": key, "Size": 1} for key in page]}
        return answer | ({"IsTruncated": True, "NextContinuationToken": page[-1]} if len(left) > len(page) else {})


def listed(store: PagedStore, span: Span, monkeypatch: pytest.MonkeyPatch, prefix: str = "") -> list[str]:
    from streams.backtest.sources import s3  # noqa: PLC0415  an optional extra

    monkeypatch.setattr(s3, "_store", lambda: store)
    listing = Listing()
    found = [found.path.removeprefix("s3://trail/") for found in s3.find(f"s3://trail/{prefix}", span, listing)]
    assert listing.failures == []
    return found


@given(st.lists(KEYS), st.integers(1, 5), SPANS, st.sampled_from(PREFIXES), st.booleans())
def test_listing_gives_every_key_of_the_folders_worth_entering(
    keys: list[str],
    at_once: int,
    span: Span,
    prefix: str,
    knows_start: bool,  # noqa: FBT001
) -> None:
    """A listing leaves out folders that are not worth entering, wherever its answers are cut, and nothing else.

    A store that cannot begin in the middle is asked for all of it, and not for ever.
    """
    wanted = {
        key
        for key in keys
        if f"{key}/".startswith(f"{prefix}/" if prefix else "")
        and all(
            is_worth_entering(key[:end], span) for end, letter in enumerate(key) if letter == "/" and end > len(prefix)
        )
    }
    with pytest.MonkeyPatch.context() as patch:
        store = PagedStore(keys, at_once, knows_start=knows_start)
        found = listed(store, span, patch, prefix)
    assert sorted(set(found)) == sorted(wanted)
    assert not knows_start or len(found) == len(wanted)


def test_listing_asks_once_for_a_thousand_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of an organisation takes one request per 1,000 objects, and some days of it a few requests per region."""
    regions = [f"AWSLogs/o/{account}/CloudTrail/{region}" for account in range(5) for region in ("eu", "us")]
    days = [f"{year}/{month:02}/{day:02}" for year in (2025, 2026) for month in range(1, 13) for day in range(1, 29)]
    store = PagedStore([f"{region}/{day}/{n}" for region in regions for day in days for n in range(9)], 1000)
    assert len(listed(store, Span(), monkeypatch)) == len(store.keys) == 60_480
    assert store.asked == 61
    store.asked = 0
    found = listed(store, Span(day(15), day(17)), monkeypatch)
    assert sorted({key[-12:-2] for key in found}) == ["2026/01/14", "2026/01/15", "2026/01/16", "2026/01/17"]
    assert store.asked <= 8 * len(regions)


def test_any_key_is_read(bucket: Any, backtest: Backtest) -> None:
    """Keys that look like patterns, or have empty or dotted parts, are read once, over all pages of the listing."""
    keys = ["a b", "[1]", "?x=1", "star*", "#x", "+%20", "/double", "/", "ü", "../up", "folder/"]
    for number, key in enumerate(keys, 1):
        bucket.put_object(Key=f"odd/{key}", Body=daily(number))
    assert accounts(backtest("s3://trail/odd")) == list(range(1, len(keys) + 1))
    assert accounts(backtest("s3://trail/odd/[1]", "s3://trail/odd/star*")) == [2, 4]


def test_long_listings_are_read_to_their_end(bucket: Any, backtest: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix of more objects and folders than one answer lists is read whole."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(1, 21):
        bucket.put_object(Key=f"{number % 7}/{number}" if number > 10 else f"{number}.json", Body=daily(number))
    assert accounts(backtest("s3://trail")) == list(range(1, 21))


def test_one_object_is_an_address_too(bucket: Any, backtest: Backtest) -> None:
    """The address of an object is that object."""
    bucket.put_object(Key="one.json.gz", Body=daily(1))
    bucket.put_object(Key="two.json.gz", Body=daily(2))
    assert accounts(backtest("s3://trail/one.json.gz")) == [1]


def test_what_cannot_be_read_is_named_and_the_rest_done(bucket: Any, backtest: Backtest, tmp_path: Path) -> None:
    """A missing bucket, a missing prefix and a cut object are named; the rest is read, exit 1."""
    bucket.put_object(Key="cut.json.gz", Body=daily(1)[:-9])
    (tmp_path / "b.json.gz").write_bytes(daily(2))
    places = ["s3://trail/cut.json.gz", "s3://trail/none", "s3://no-such-bucket/x", "s3://no-such-bucket/"]
    ran = backtest(*places, "b.json.gz")
    assert (ran.code, accounts(ran)) == (1, [2])
    for place in (
        "s3://trail/cut.json.gz: cut gzip",
        "s3://trail/none: there is no such object, and none below it",
        "s3://no-such-bucket/x: ",
        "s3://no-such-bucket/: there is no such bucket",
    ):
        assert f"not read     {place}" in ran.err


def test_denied_bucket_is_named(bucket: Any, backtest: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that may not be listed is named with the refusal, exit 1."""

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Forbidden")

    bucket.put_object(Key="one.json.gz", Body=daily(1))
    monkeypatch.setattr("s3fs.S3FileSystem.info", denied)
    ran = backtest("s3://trail")
    assert (ran.code, ran.alerts) == (1, [])
    assert "not read     s3://trail: Forbidden" in ran.err


def test_missing_extra_is_named(bucket: Any, backtest: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Without the extra an s3:// address is wrong usage, and the error names what to install."""
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    ran = backtest("s3://trail")
    assert ran.code == 2
    assert "rootwatch[s3]" in ran.err
