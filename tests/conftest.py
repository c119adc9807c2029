"""Fixtures that tests of several floors share."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from registry_server import RegistryServer

if TYPE_CHECKING:
    from collections.abc import Iterator

# Whoever runs the tests in the background may have them ignore Ctrl-C, and every process that they start would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no wrong answer.
settings.register_profile("rootwatch", deadline=None)
settings.load_profile("rootwatch")


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    """A schema registry of this test alone, empty and running."""
    with RegistryServer().running() as server:
        yield server
