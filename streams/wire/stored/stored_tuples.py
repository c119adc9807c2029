"""Whether stored tuples were last seen before a time, without reading them: a sweep asks it for each that it passes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streams.wire.generated.numbers import number_bytes
from streams.wire.stored import memory

if TYPE_CHECKING:
    from collections.abc import Callable

# The times of six bytes, from 1970-07-19 to 2039.
_FIRST, _LAST = 2**34, 2**41
# A tuple whose times have six bytes each, and its count one: seen fewer than 64 times. The lowest bit of the last time
# is its sign.
_EVEN = b"[%b]" % b"".join(b"\\x%02x" % byte for byte in range(0x80, 0x100, 2))
_USUAL = re.compile(
    re.escape(memory.TUPLE_CODEC.header) + rb"[\x80-\xff]{5}[\0-\x7f](%b[\x80-\xff]{4}[\0-\x7f])[\0-\x7f]" % _EVEN,
    re.DOTALL,
).fullmatch


def seen_before(time: int) -> Callable[[bytes], bool]:
    """Return what says of the stored value of a tuple whether it was last seen before ``time``.

    Args:
        time: in milliseconds since the epoch.

    What is returned raises as ``memory.decode_tuple``.
    """
    if not _FIRST <= time < _LAST:
        return lambda value: memory.decode_tuple(value).last_seen < time
    bound = number_bytes(time)[::-1]

    def is_before(value: bytes) -> bool:
        usual = _USUAL(value)
        if usual is None:
            return memory.decode_tuple(value).last_seen < time
        # The highest bits come last, and numbers of as many bytes are in the order of their bytes.
        return usual[1][::-1] < bound

    return is_before
