"""The container: the picture size and a checksum around the byte strings of a codec.

::

    magic "CRB1" | codec id (4) | height u16 | width u16 | n u8 | n lengths u32 | sections | CRC32

`unpack` rejects a damaged or foreign stream before an entropy decoder reads it: some entropy
decoders crash the process on such bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.errors import CodecError, Unsupported

_MAGIC = b"CRB1"
_HEAD = struct.Struct(">4s4sHHB")
MAX_SIDE = 65535
"""The longest side of a picture that a container can name, in pixels."""


@dataclass(frozen=True)
class Container:
    """An unpacked container.

    Attributes:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        sections: the byte strings of the codec.
    """

    height: int
    width: int
    sections: tuple[bytes, ...]


def pack(codec_id: bytes, height: int, width: int, sections: Sequence[bytes]) -> bytes:
    """Return the bytes of a container.

    Args:
        codec_id: 4 bytes; `unpack` must be called with the same ones.
        height: of the picture, 1 to 65535 pixels.
        width: of the picture, 1 to 65535 pixels.
        sections: at most 255 byte strings.

    Raises:
        Unsupported: a side is longer than 65535 pixels.
    """
    if max(height, width) > MAX_SIDE:
        raise Unsupported(
            f"a picture of {width}x{height} is beyond {MAX_SIDE} pixels a side; crop it"
        )
    lengths = struct.pack(f">{len(sections)}I", *map(len, sections))
    head = _HEAD.pack(_MAGIC, codec_id, height, width, len(sections))
    body = b"".join((head, lengths, *sections))
    return body + struct.pack(">I", zlib.crc32(body))


def unpack(codec_id: bytes, bitstream: bytes) -> Container:
    """Return the content of a container.

    Args:
        codec_id: the 4 bytes that `pack` was called with.
        bitstream: the bytes that `pack` returned.

    Raises:
        CodecError: the bitstream is truncated, damaged, or from another codec or other weights.
    """
    if len(bitstream) < _HEAD.size + 4 or not bitstream.startswith(_MAGIC):
        raise CodecError("not a bitstream of this harness: its first bytes are not CRB1")
    body, checksum = bitstream[:-4], struct.unpack(">I", bitstream[-4:])[0]
    if zlib.crc32(body) != checksum:
        raise CodecError("the bitstream is damaged: its checksum does not match")
    _, found_id, height, width, count = _HEAD.unpack_from(body)
    if found_id != codec_id:
        raise CodecError("the bitstream was written by another codec or with other weights")
    if not height * width:
        raise CodecError(f"the bitstream is damaged: it names a picture of {width}x{height}")
    return Container(height, width, _sections(body, count))


def with_sections_changed(bitstream: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a bitstream with other byte strings of the codec, under right checksums.

    The container keeps its codec id and picture size. A byte string that is a container itself, as
    defences write, is opened too. A bitstream without a container is one byte string.

    Args:
        bitstream: the bytes of an encoder.
        change: returns a byte string instead of each one; it is called in their order.
    """
    codec_id = bitstream[len(_MAGIC) : len(_MAGIC) + 4]
    try:
        container = unpack(codec_id, bitstream)
    except CodecError:
        return change(bitstream)
    sections = [with_sections_changed(section, change) for section in container.sections]
    return pack(codec_id, container.height, container.width, sections)


def overhead(sections: int) -> int:
    """Return how many bytes a container adds to a number of sections: 17 + 4 per section."""
    return _HEAD.size + 4 * sections + 4


def _sections(body: bytes, count: int) -> tuple[bytes, ...]:
    start = _HEAD.size + 4 * count
    if start > len(body):
        raise CodecError("the bitstream is damaged: its table of lengths is cut off")
    lengths = struct.unpack_from(f">{count}I", body, _HEAD.size)
    if start + sum(lengths) != len(body):
        raise CodecError("the bitstream is damaged: its lengths do not add up")
    ends = [start + sum(lengths[: i + 1]) for i in range(count)]
    return tuple(body[end - length : end] for end, length in zip(ends, lengths, strict=True))
