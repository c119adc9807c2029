"""What tests of the newest schemas need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.wire import alert, sighting
from streams.wire.single_object import MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def newest_is_written() -> Iterator[None]:
    """Sightings and alerts are written by their newest schemas, also in a release that only reads these."""
    with pytest.MonkeyPatch.context() as patch:
        for codec in (alert.CODEC, sighting.CODEC._codec):  # noqa: SLF001  the only way to it
            patch.setattr(codec, "_written", None)
            patch.setattr(codec, "header", MAGIC + codec.fingerprint)
        yield
