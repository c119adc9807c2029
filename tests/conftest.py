"""Fixtures for tests of several layers."""

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

# Tests that run in the background may ignore Ctrl-C, and every process that they start would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is not a failure.
settings.register_profile("rootwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rootwatch")


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    """A running, empty schema registry for this test alone."""
    with RegistryServer().running() as server:
        yield server


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """An empty disk of 32 MiB for this test alone. Other tests need none: they limit the size of files instead."""
    try:
        with small_disk(tmp_path / "disk", 32 * MEBIBYTE) as made:
            yield made
    except NoSmallDiskError as reason:
        pytest.skip(f"no disk that may be filled: {reason}; see test_failures.py::test_disk_full for a file size limit")
