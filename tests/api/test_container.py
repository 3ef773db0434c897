from __future__ import annotations

import struct
import zlib

import pytest

from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, Unsupported

ID = b"test"


def _sealed(body):
    return body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("sections", [[], [b""], [b"one"], [b"one", b"", b"\0" * 300]])
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (65535, 65535)])
def test_unpack_returns_what_was_packed(sections, size):
    bitstream = pack(ID, *size, sections)
    assert unpack(ID, bitstream) == Container(*size, tuple(sections))


@pytest.mark.parametrize("sections", [[], [b"one"], [b"one", b"", b"\0" * 300]])
def test_overhead_is_the_size_without_the_sections(sections):
    assert len(pack(ID, 3, 4, sections)) == overhead(len(sections)) + sum(map(len, sections))


def test_every_truncation_is_refused():
    bitstream = pack(ID, 17, 33, [b"one", b"two"])
    for length in range(len(bitstream)):
        with pytest.raises(CodecError):
            unpack(ID, bitstream[:length])


def test_every_flipped_bit_is_refused():
    bitstream = pack(ID, 17, 33, [b"one", b"two"])
    for bit in range(8 * len(bitstream)):
        damaged = bytearray(bitstream)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            unpack(ID, bytes(damaged))


@pytest.mark.parametrize("other", [b"", b"CRB1", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\0" * 100])
def test_foreign_bytes_are_refused(other):
    with pytest.raises(CodecError):
        unpack(ID, other)


def test_bytes_after_the_end_are_refused():
    with pytest.raises(CodecError):
        unpack(ID, pack(ID, 1, 1, [b"one"]) + b"\0")


def test_another_codecs_stream_is_refused():
    with pytest.raises(CodecError, match="another codec"):
        unpack(b"else", pack(ID, 1, 1, [b"one"]))


@pytest.mark.parametrize(
    ("count", "table"),
    [(1, b""), (255, b"\0" * 8), (1, struct.pack(">I", 2**32 - 1)), (1, struct.pack(">I", 2))],
)
def test_wrong_lengths_with_a_right_checksum_are_refused(count, table):
    body = b"CRB1" + ID + struct.pack(">HHB", 1, 1, count) + table + b"one"
    with pytest.raises(CodecError, match="lengths"):
        unpack(ID, _sealed(body))


@pytest.mark.parametrize("size", [(65536, 1), (1, 65536)])
def test_a_side_that_is_too_long_is_unsupported(size):
    with pytest.raises(Unsupported, match="65535"):
        pack(ID, *size, [b""])
