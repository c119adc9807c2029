from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.detection.memory import TupleMemory
from streams.wire.single_object import WireError
from streams.wire.stored import memory as codec
from streams.wire.stored.stored_tuples import seen_before

TIMES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(2**34 - 2, 2**34 + 2), st.integers(2**40, 2**41 + 2))


@given(
    remembered=st.builds(TupleMemory, TIMES, TIMES, st.integers(-1, 130)),
    bound=TIMES,
    cut=st.integers(0, 24),
    more=st.binary(),
)
@example(remembered=TupleMemory(2**40, 2**40, 1), bound=2**40 + 1, cut=24, more=b"")
@example(remembered=TupleMemory(2**40, -(2**40), 1), bound=2**40, cut=24, more=b"")
def test_whether_a_tuple_was_last_seen_before(remembered: TupleMemory, bound: int, cut: int, more: bytes) -> None:
    """It is what the whole value says, also of bytes that are cut or too long, and of times a millisecond apart."""
    value = codec.encode_tuple(remembered)
    for time in (bound, remembered.last_seen, min(remembered.last_seen + 1, 2**63 - 1)):
        is_before = seen_before(time)
        assert is_before(value) == (remembered.last_seen < time)
        for changed in (value[:cut], value + more, value[:cut] + more):
            try:
                expected = codec.decode_tuple(changed).last_seen < time
            except WireError:
                with pytest.raises(WireError):
                    is_before(changed)
            else:
                assert is_before(changed) == expected
