"""Numbers as Avro writes them: zigzag, seven bits per byte, the lowest first."""

from __future__ import annotations

from streams.wire.generated.odd import OddError

_MORE = 0x80  # set in all bytes of a number but the last
_BITS = 7
_LONGEST = 9  # bytes of a number; those of ten bytes are left to fastavro
_BYTES = tuple(byte.to_bytes(1, "little") for byte in range(256))
_SIX_BYTES, _SEVEN_BYTES = 2**35, 2**42
_FIVE_MARKS = sum(_MORE << 7 * place for place in range(5))
_MOST_KEPT = 10_000
_INT = 2**31
_LONG = 2**62

LENGTHS = tuple(-1 if byte & 1 or byte >= _MORE else byte >> 1 for byte in range(256))
"""The length that a byte is, as Avro writes it; -1 for what is no length of one byte."""


TIMES: dict[bytes, int] = {}
"""Numbers of six bytes that ``number_at`` read a short time ago: the times of records repeat."""


def number_bytes(number: int) -> bytes:
    """Return a number as Avro writes it."""
    if type(number) is not int or not -_LONG <= number < _LONG:
        raise OddError
    rest = number << 1 ^ number >> 63
    if rest < _MORE:
        return _BYTES[rest]
    if _SIX_BYTES <= rest < _SEVEN_BYTES:  # a time between 1970-07-19 and 2039
        return bytes(
            (
                rest & 127 | _MORE,
                rest >> 7 & 127 | _MORE,
                rest >> 14 & 127 | _MORE,
                rest >> 21 & 127 | _MORE,
                rest >> 28 & 127 | _MORE,
                rest >> 35,
            )
        )
    written = bytearray()
    while rest >= _MORE:
        written.append(rest & 127 | _MORE)
        rest >>= _BITS
    written.append(rest)
    return bytes(written)


def int_bytes(number: int) -> bytes:
    """Return a number of 32 bits as Avro writes it."""
    if not -_INT <= number < _INT:
        raise OddError
    return number_bytes(number)


def number_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    byte = data[at]
    if byte < _MORE:
        return (byte >> 1) ^ -(byte & 1), at + 1
    if at + 6 <= len(data):
        one, two, three, four, five, six = data[at : at + 6]
        if six < _MORE <= one & two & three & four & five:  # a time between 1970-07-19 and 2039
            found = one + (two << 7) + (three << 14) + (four << 21) + (five << 28) + (six << 35) - _FIVE_MARKS
            time = (found >> 1) ^ -(found & 1)
            if len(TIMES) >= _MOST_KEPT:
                TIMES.clear()
            TIMES[data[at : at + 6]] = time
            return time, at + 6
    found, shift = byte & 127, _BITS
    for place in range(at + 1, at + _LONGEST):
        byte = data[place]
        if byte < _MORE:
            found |= byte << shift
            return (found >> 1) ^ -(found & 1), place + 1
        found |= (byte & 127) << shift
        shift += _BITS
    raise OddError


def length_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the length at a place, and the place behind it."""
    size, at = number_at(data, at)
    if size < 0:
        raise OddError
    return size, at


SIZES = tuple(map(number_bytes, range(256)))
"""The bytes of the smallest numbers, such as the lengths of short texts."""


class Numbers(dict[int, bytes]):
    """The bytes of numbers that were written a short time ago: a time is in several values, and in many records.

    Only an integer may be looked up: ``True`` would be found as 1.
    """

    def __missing__(self, number: int) -> bytes:
        if len(self) >= _MOST_KEPT:
            self.clear()
        written = self[number] = number_bytes(number)
        return written


class Ints(Numbers):
    """Likewise for numbers of 32 bits."""

    def __missing__(self, number: int) -> bytes:
        int_bytes(number)
        return super().__missing__(number)
