"""Fixtures that tests of several floors share."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from registry_server import RegistryServer
from small_disk import MEBIBYTE, NoSmallDiskError, SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Whoever runs the tests in the background may have them ignore Ctrl-C, and every process that they start would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no wrong answer.
settings.register_profile("rootwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rootwatch")


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    """A schema registry of this test alone, empty and running."""
    with RegistryServer().running() as server:
        yield server


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 32 MiB of this test alone, empty. Without one, a file size limit stands in for it in other tests."""
    try:
        with small_disk(tmp_path / "disk", 32 * MEBIBYTE) as made:
            yield made
    except NoSmallDiskError as reason:
        pytest.skip(f"no disk that may be filled: {reason}; see test_failures.py::test_disk_full for a file size limit")
