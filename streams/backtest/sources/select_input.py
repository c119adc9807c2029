"""Turns a request into an input, in tasks: of files and objects, or of a topic."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.results import progress
from streams.backtest.run import Input
from streams.backtest.sources import archive, files
from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.backtest.reading.tasks import Task
    from streams.backtest.sources.request import ReplayRequest
    from streams.backtest.sources.span import Span
    from streams.pipeline import ExtractSettings
    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings


def select_input(request: ReplayRequest, settings: Settings, processes: int) -> Input:
    """The input that a request asks for, in tasks for at most this many processes.

    Raises:
        UsageError: the request names something that does not exist.
        SourceError: the source cannot be reached or refuses.
    """
    if request.topic is None:
        return _file_input(request)
    from streams.backtest.sources.topic import topic_input  # noqa: PLC0415  files need no Kafka client, which is slow to import

    return topic_input(request, settings, processes)


def read_settings(
    request: ReplayRequest, source: Input, rules: RuleSet, extract_settings: ExtractSettings
) -> ReadSettings:
    """How to read the input: thoroughly if the request says so, or if the input is small."""
    return ReadSettings(rules, extract_settings, request.span, thorough=request.thorough or source.is_small)


def _file_input(request: ReplayRequest) -> Input:
    """The files and objects that a request names."""
    addresses = sorted({path for path in request.paths if path.startswith(archive.S3)})
    paths = [path for path in request.paths if not path.startswith(archive.S3)]
    with progress.listing() as watch:
        listing = archive.find(paths, request.span, request.apart, watch)
        objects = _objects(addresses, request.span, listing, watch)
    _check_extra((*listing.files, *objects))
    tasks: list[Task] = [files.FileTask(group) for group in files.groups(listing.files)]
    total = sum(found.size for found in listing.files)
    if objects:
        from streams.backtest.sources.s3 import ObjectTask  # noqa: PLC0415  an optional extra

        tasks += [ObjectTask(group) for group in files.groups(objects)]
        total += sum(found.size for found in objects)
    return Input(tasks, total, "bytes", is_small=total <= files.SMALL_INPUT, failures=listing.failures)


def _check_extra(found: Iterable[archive.Found]) -> None:
    """Refuse Parquet files before anything is read, if what reads them is not installed; UsageError says how."""
    named = next((file.path for file in found if files.is_named_parquet(file.path)), None)
    if named is not None and find_spec("pyarrow") is None:
        raise UsageError(f"{named} {files.NEEDS_PARQUET}")


def _objects(addresses: list[str], span: Span, listing: archive.Listing, watch: archive.Watch) -> list[archive.Found]:
    """The objects at ``s3://`` addresses, each once, sorted."""
    if not addresses:
        return []
    from streams.backtest.sources import s3  # noqa: PLC0415  an optional extra

    return sorted({found for address in addresses for found in watch(s3.find(address, span, listing))})
