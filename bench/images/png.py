"""Encoding of pictures as PNG, and decoding that detects every altered byte."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from bench.errors import ImageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LAST = b"IEND"


def decode_png(content: bytes) -> Image:
    """Return the picture, uint8 (H, W, 3), in the bytes of a PNG file.

    The checksums of all chunks are verified; image viewers verify only some of them.

    Raises:
        ImageError: the bytes are not a PNG file, are truncated, or were altered.
    """
    if not _is_intact(content):
        raise ImageError("it is damaged: a checksum in it does not fit")
    try:
        with Pillow.open(io.BytesIO(content), formats=["PNG"]) as file:
            return np.asarray(file.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise ImageError("it is damaged: it cannot be decoded") from error


def encode_png(image: Image) -> bytes:
    """Return a picture, uint8 (H, W, 3), as the bytes of a PNG file."""
    stream = io.BytesIO()
    Pillow.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def _is_intact(content: bytes) -> bool:
    """Return whether the bytes are a signature and chunks with valid checksums, IEND last."""
    if not content.startswith(_SIGNATURE):
        return False
    rest, kind = memoryview(content)[len(_SIGNATURE) :], b""
    while len(rest) >= 12:
        (length,), kind = struct.unpack(">I", rest[:4]), bytes(rest[4:8])
        chunk, checksum = rest[4 : 8 + length], bytes(rest[8 + length : 12 + length])
        if zlib.crc32(chunk).to_bytes(4, "big") != checksum:
            return False
        rest = rest[12 + length :]
    return not rest and kind == _LAST
