"""JPEG by MozJPEG's encoder, which the wheels of pyvips-binary carry (the extra `mozjpeg`).

    image --libvips, MozJPEG--> the bare file --container--> bytes --Pillow--> image

Every JPEG decoder reads the files. Pillow's does here, as for `jpeg`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated

import numpy as np
from pydantic import Field, validate_call

from backends.pillow_files import read
from backends.pillow_formats import JPEG, require
from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, Unsupported

_ID = hashlib.sha256(b"mozjpeg").digest()[:4]


class MozJpeg(Codec):
    """Progressive JPEG (ITU-T T.81) by MozJPEG, 4:4:4, with trellis quantisation.

    MozJPEG's own defaults apart from 4:4:4: its third table of quantisers, optimised scans and
    Huffman tables, overshoot deringing.

    Args:
        quality: libjpeg's quality, 1 (smallest files) to 100.

    Raises:
        ConfigError: this Pillow was built without JPEG.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=1, le=100)]) -> None:
        require(JPEG)
        self._quality = quality

    def encode(self, image: Image) -> bytes:
        """Return the bitstream.

        Raises:
            Unsupported: a side is too long for JPEG.
            CodecError: libvips cannot write the file.
        """
        height, width = image.shape[:2]
        if max(height, width) > JPEG.largest:
            raise Unsupported(
                f"JPEG holds at most {JPEG.largest} pixels per side, the picture has"
                f" {width}x{height}; crop the picture"
            )
        return pack(_ID, height, width, [_file(image, self._quality)])

    def decode(self, bitstream: bytes) -> Image:
        container = unpack(_ID, bitstream)
        return read(JPEG, b"".join(container.sections), (container.height, container.width))

    def fingerprint(self) -> str:
        return f"mozjpeg quality={self._quality} {_encoder()} {JPEG.identity} container"

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)


def _file(image: Image, quality: int) -> bytes:
    """Return the JPEG file of a picture, uint8 (H, W, 3)."""
    import pyvips  # noqa: PLC0415 - an extra

    height, width = image.shape[:2]
    try:
        picture = pyvips.Image.new_from_memory(image.tobytes(), width, height, 3, "uchar")
        file = picture.copy(interpretation="srgb").jpegsave_buffer(
            Q=quality,
            subsample_mode="off",
            interlace=True,
            optimize_coding=True,
            optimize_scans=True,
            trellis_quant=True,
            overshoot_deringing=True,
            quant_table=3,
            keep="none",
        )
    except pyvips.Error as error:
        raise CodecError(f"libvips cannot write this JPEG: {error}") from error
    return bytes(file)


@cache
def _encoder() -> str:
    """Return the version of libvips and the hash of a test picture's file.

    MozJPEG, which is inside libvips, does not say its version.
    """
    import pyvips  # noqa: PLC0415 - an extra

    version = ".".join(str(pyvips.version(part)) for part in range(3))
    ramp = np.arange(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    work = hashlib.sha256(_file(ramp, 50)).hexdigest()[:12]
    return f"libvips {version} MozJPEG by its work {work}"
