"""From what is wanted to what is to be read: files or a topic, behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.results import progress
from streams.backtest.run import Input
from streams.backtest.sources import archive, files

if TYPE_CHECKING:
    from streams.backtest.reading.tasks import Task
    from streams.backtest.sources.request import ReplayRequest
    from streams.backtest.sources.span import Span
    from streams.pipeline import ExtractSettings
    from streams.rules.rule import Rule
    from streams.settings import Settings


def select_input(request: ReplayRequest, settings: Settings, processes: int) -> Input:
    """What is to be read, in tasks for at most so many processes.

    Raises:
        UsageError: something that does not exist is asked for.
        SourceError: the source cannot be reached or refuses.
    """
    if request.topic is None:
        return _file_input(request)
    from streams.backtest.sources.topic import topic_input  # noqa: PLC0415  files need no Kafka client, which is slow to import

    return topic_input(request, settings, processes)


def read_settings(request: ReplayRequest, source: Input, rule: Rule, extract_settings: ExtractSettings) -> ReadSettings:
    """How the input is to be read: thoroughly if that is wanted, or if it is small."""
    return ReadSettings(rule, extract_settings, request.span, thorough=request.thorough or source.is_small)


def _file_input(request: ReplayRequest) -> Input:
    """The files and objects at the wanted places."""
    addresses = sorted({place for place in request.paths if place.startswith(archive.S3)})
    paths = [place for place in request.paths if not place.startswith(archive.S3)]
    with progress.listing() as watch:
        listing = archive.find(paths, request.span, request.apart, watch)
        objects = _objects(addresses, request.span, listing, watch)
    tasks: list[Task] = [files.FileTask(group) for group in files.groups(listing.files)]
    total = sum(found.size for found in listing.files)
    if objects:
        from streams.backtest.sources.s3 import ObjectTask  # noqa: PLC0415  an optional extra

        tasks += [ObjectTask(group) for group in files.groups(objects)]
        total += sum(found.size for found in objects)
    return Input(tasks, total, "bytes", is_small=total <= files.SMALL_INPUT, failures=listing.failures)


def _objects(addresses: list[str], span: Span, listing: archive.Listing, watch: archive.Watch) -> list[archive.Found]:
    """The objects at ``s3://`` addresses, each once, sorted."""
    if not addresses:
        return []
    from streams.backtest.sources import s3  # noqa: PLC0415  an optional extra

    return sorted({found for address in addresses for found in watch(s3.find(address, span, listing))})
