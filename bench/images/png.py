"""A saved PNG -> its pixels, and not a byte of it may be other than it was written."""

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


def pixels(content: bytes) -> Image:
    """Return the picture of a PNG file, uint8 (H, W, 3).

    Raises:
        ImageError: it is none, was cut, or a byte of it was altered: every chunk has a checksum,
            not all of which are looked at where PNGs are shown.
    """
    if not _is_whole(content):
        raise ImageError("it is damaged: a checksum in it does not fit")
    try:
        with Pillow.open(io.BytesIO(content), formats=["PNG"]) as file:
            return np.asarray(file.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise ImageError("it is damaged: it cannot be decoded") from error


def png(image: Image) -> bytes:
    """Return a picture, uint8 (H, W, 3), as a PNG file."""
    stream = io.BytesIO()
    Pillow.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def _is_whole(content: bytes) -> bool:
    """Tell whether a file is a signature and chunks whose checksums fit, the last one IEND."""
    if not content.startswith(_SIGNATURE):
        return False
    rest, kind = memoryview(content)[len(_SIGNATURE) :], b""
    while len(rest) >= 12:
        (length,), kind = struct.unpack(">I", rest[:4]), bytes(rest[4:8])
        checked, told = rest[4 : 8 + length], bytes(rest[8 + length : 12 + length])
        if zlib.crc32(checked).to_bytes(4, "big") != told:
            return False
        rest = rest[12 + length :]
    return not rest and kind == _LAST
