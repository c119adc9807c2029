"""What generated functions do not handle."""

from __future__ import annotations


class OddError(Exception):
    """A value, or bytes, that are left to fastavro."""


def odd() -> None:
    """Leave a value, or bytes, to fastavro.

    Raises:
        OddError: always.
    """
    raise OddError
