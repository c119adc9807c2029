"""The broker that a benchmark runs on."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import kafka_broker

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def bootstrap() -> Iterator[str]:
    """The address in ``KAFKA_BOOTSTRAP``, or else of the tests' Kafka, which is started for this."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with own() as broker:
        yield broker.bootstrap


@contextmanager
def own(**properties: str) -> Iterator[kafka_broker.Broker]:
    """The tests' Kafka, started for this; properties have ``_`` for ``.``."""
    more = {name.replace("_", "."): value for name, value in properties.items()}
    with (
        tempfile.TemporaryDirectory() as folder,
        kafka_broker.running(kafka_broker.Broker(Path(folder), properties=more)) as broker,
    ):
        yield broker
