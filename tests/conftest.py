"""Fixtures for tests of several layers."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from apicurio_registry import GuardedRegistry, apicurio, guarded
from hypothesis import HealthCheck, settings
from maven import JavaToolError
from registry_server import RegistryServer
from small_disk import MEBIBYTE, NoSmallDiskError, SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Tests that run in the background may ignore Ctrl-C, and every process that they start would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Typer colours help and errors wherever it sees these, also in a pipe, and tests read them there.
for _name in ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS"):
    os.environ.pop(_name, None)

# A slow machine is not a failure.
settings.register_profile("rootwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rootwatch")


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    """A running, empty schema registry for this test alone."""
    with RegistryServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real registry: ``ROOTWATCH_TEST_REGISTRY``, or else an Apicurio until the end of the session.

    Tests share it, so each takes subjects of its own.
    """
    if url := os.environ.get("ROOTWATCH_TEST_REGISTRY"):
        yield url
        return
    try:
        with apicurio(tmp_path_factory.mktemp("apicurio")) as url:
            yield url
    except JavaToolError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def guarded_registry(real_registry: str) -> Iterator[GuardedRegistry]:
    """An open proxy before the real registry, for this test alone."""
    with guarded(real_registry) as proxy:
        yield proxy


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """An empty disk of 32 MiB for this test alone. Other tests need none: they limit the size of files instead."""
    try:
        with small_disk(tmp_path / "disk", 32 * MEBIBYTE) as made:
            yield made
    except NoSmallDiskError as reason:
        pytest.skip(f"no disk that may be filled: {reason}; see test_failures.py::test_disk_full for a file size limit")
