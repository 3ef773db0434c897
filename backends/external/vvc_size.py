"""The size of the picture in a VVC stream, from its parameter sets (ITU-T H.266, 7.3.2.4, 7.3.2.5).

VTM's decoder writes samples without a size, so the size is checked before it starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench.errors import CodecError

_SPS, _PPS = 15, 16
"""Types of the units that hold sequence and picture parameter sets."""

_ENOUGH = 400
"""Bytes within which a parameter set names the size."""

_CONSTRAINTS = 71
"""Flags of general_constraints_info() before the number of additional ones."""

_SAMPLES_PER_CHROMA = {0: (1, 1), 1: (2, 2), 2: (1, 2), 3: (1, 1)}
"""Rows and columns of luma per sample of chroma, by sps_chroma_format_idc."""

Size = tuple[int, int]
"""Height and width in pixels."""


class _Bits:
    """Bits of a parameter set, read one after the other.

    Args:
        data: the bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self._total = int.from_bytes(data, "big"), 8 * len(data)
        self._read = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number, the first bit highest."""
        self._read += count
        if self._read > self._total:
            raise CodecError("the bitstream is damaged: a parameter set is cut off")
        return self._value >> (self._total - self._read) & ((1 << count) - 1)

    def take_golomb(self) -> int:
        """Return the next number in Exp-Golomb code, ue(v)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def align(self) -> None:
        """Go to the next full byte."""
        self.take(-self._read % 8)


def check_size(stream: bytes, size: Size) -> None:
    """Check that all parameter sets of a stream name a picture of this size.

    Args:
        stream: the stream.
        size: the expected height and width, in pixels.

    Raises:
        CodecError: one of them names another size, is damaged, or there is none.
    """
    coded, shown = set(), set()
    for kind, content in _units(stream):
        if kind == _SPS:
            largest, visible = _sequence_sizes(_Bits(content))
            coded.add(largest)
            shown.add(visible)
        elif kind == _PPS:
            coded.add(_picture_size(_Bits(content)))
    if not shown or len(coded) != 1:
        raise CodecError("the bitstream is damaged: its parameter sets name no size, or several")
    if shown != {size}:
        sizes = " and ".join(f"{height}x{width}" for height, width in sorted(shown))
        raise CodecError(
            f"the stream holds a picture of {sizes} instead of {size[0]}x{size[1]} (height x width)"
        )


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the first bytes of each unit, without the bytes that prevent emulation."""
    for match in re.finditer(rb"\x00\x00\x01", stream):
        unit = stream[match.end() : match.end() + _ENOUGH]
        if len(unit) > 2:
            yield unit[1] >> 3, unit[2:].replace(b"\0\0\3", b"\0\0")


def _sequence_sizes(bits: _Bits) -> tuple[Size, Size]:
    """Return the coded size of a sequence parameter set, and the size after cropping."""
    bits.take(8)
    sublayers = bits.take(3)
    chroma = bits.take(2)
    bits.take(2)
    if bits.take(1):
        _skip_profile(bits, sublayers)
    bits.take(1)
    if bits.take(1):
        bits.take(1)
    width, height = bits.take_golomb(), bits.take_golomb()
    offsets = [bits.take_golomb() for _ in range(4)] if bits.take(1) else [0] * 4
    left, right, top, bottom = offsets
    down, across = _SAMPLES_PER_CHROMA[chroma]
    return (height, width), (height - down * (top + bottom), width - across * (left + right))


def _skip_profile(bits: _Bits, sublayers: int) -> None:
    """Skip profile_tier_level() with this many sublayers below the highest."""
    bits.take(7 + 1 + 8 + 2)
    if bits.take(1):
        bits.take(_CONSTRAINTS)
        bits.take(bits.take(8))
    bits.align()
    levels = bits.take(sublayers).bit_count()
    bits.align()
    bits.take(8 * levels)
    bits.take(32 * bits.take(8))


def _picture_size(bits: _Bits) -> Size:
    """Return the coded size of a picture parameter set."""
    bits.take(6 + 4 + 1)
    width, height = bits.take_golomb(), bits.take_golomb()
    return height, width
