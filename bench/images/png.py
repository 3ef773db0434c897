"""Encoding of pictures as PNG, and decoding that detects altered bytes and missing rows."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from bench.errors import ImageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LAST = b"IEND"

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of each colour type."""

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
_PASSES = {0: ((0, 0, 1, 1),), 1: (*_ADAM7, (1, 0, 2, 1))}
"""First row, first column, step of rows, step of columns of each pass, by interlace method."""


def decode_png(content: bytes) -> Image:
    """Return the picture, uint8 (H, W, 3), in the bytes of a PNG file.

    The checksums of all chunks are verified; image viewers verify only some of them.

    Raises:
        ImageError: the bytes are not a PNG file, are truncated, lack rows, or were altered.
    """
    if not _is_intact(content):
        raise ImageError("it is damaged: a checksum in it does not fit")
    try:
        with Pillow.open(io.BytesIO(content), formats=["PNG"]) as file:
            image = np.asarray(file.convert("RGB"))
        complete = has_every_row(content)
    except (OSError, SyntaxError, ValueError, zlib.error, Pillow.DecompressionBombError) as error:
        raise ImageError("it is damaged: it cannot be decoded") from error
    if not complete:
        raise ImageError("it is damaged: its data end before its last row")
    return image


def encode_png(image: Image) -> bytes:
    """Return a picture, uint8 (H, W, 3), as the bytes of a PNG file."""
    stream = io.BytesIO()
    Pillow.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def has_every_row(content: bytes) -> bool:
    """Return whether a PNG file that Pillow can decode has data for all rows.

    Pillow fills missing rows with zeros.
    """
    needed = _unpacked_size(*struct.unpack(">IIBBxxB", _first_run(content, b"IHDR")))
    packed = _first_run(content, b"IDAT")
    return len(zlib.decompressobj().decompress(packed, needed)) == needed


def _first_run(content: bytes, kind: bytes) -> bytes:
    """Return the data of the first chunks of a kind that follow each other; decoders read these."""
    runs = groupby(_chunks(content), key=lambda chunk: chunk[0])
    return next(b"".join(data for _, data, _ in run) for found, run in runs if found == kind)


def _unpacked_size(width: int, height: int, depth: int, colour: int, interlace: int) -> int:
    """Return the size of the data before compression: a filter byte and the samples of each row."""
    size = 0
    for top, left, down, right in _PASSES[interlace]:
        rows, columns = -(-(height - top) // down), -(-(width - left) // right)
        if rows > 0 and columns > 0:
            size += rows * (1 + -(-columns * depth * _SAMPLES[colour] // 8))
    return size


def _is_intact(content: bytes) -> bool:
    """Return whether the bytes are a signature and chunks with valid checksums, IEND last."""
    if not content.startswith(_SIGNATURE):
        return False
    chunks = list(_chunks(content))
    length = len(_SIGNATURE) + sum(12 + len(data) for _, data, _ in chunks)
    whole = length == len(content) and chunks[-1][0] == _LAST
    return whole and all(intact for _, _, intact in chunks)


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Yield the type and the data of each chunk, and whether its checksum is valid."""
    rest = memoryview(content)[len(_SIGNATURE) :]
    while len(rest) >= 12:
        end = 8 + int.from_bytes(rest[:4], "big")
        checksum = int.from_bytes(rest[end : end + 4], "big")
        yield bytes(rest[4:8]), rest[8:end], zlib.crc32(rest[4:end]) == checksum
        rest = rest[end + 4 :]
