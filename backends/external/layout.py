"""Sample layouts: how a picture is laid out in the input and output of an external program.

RGB uint8 (H, W, 3) <--colour--> three planes of 16-bit little-endian words, 10 bits used
                    <----------> RGB bytes, pixel by pixel
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from backends.external import colour
from bench.codec import Image
from bench.errors import CodecError


class Layout(Protocol):
    """One sample layout.

    Attributes:
        pixels: ffmpeg's name for the pixel format.
        identity: names the layout and the colour conversion; part of codec fingerprints.
    """

    @property
    def pixels(self) -> str: ...
    @property
    def identity(self) -> str: ...

    def write(self, image: Image) -> bytes:
        """Return the samples of a picture, uint8 (H, W, 3)."""
        ...

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        """Return the picture, uint8 (H, W, 3), of decoded samples.

        Args:
            raw: the samples.
            size: (H, W).

        Raises:
            CodecError: the number of bytes is wrong for this size.
        """
        ...


@dataclass(frozen=True)
class Planar:
    """Three 10-bit planes, one after the other.

    Attributes:
        to_planes: converts a picture to planes.
        from_planes: converts planes to a picture.
        half: whether the second and third plane have half the height and width.
    """

    pixels: str
    to_planes: Callable[[Image], colour.Planes]
    from_planes: Callable[[colour.Planes], Image]
    half: bool = False
    identity: str = f"colour {colour.VERSION}"

    def write(self, image: Image) -> bytes:
        return colour.to_bytes(self.to_planes(image))

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        chroma = colour.half(size) if self.half else size
        _check_length(len(raw), 2 * (size[0] * size[1] + 2 * chroma[0] * chroma[1]))
        return self.from_planes(colour.from_bytes(raw, size, chroma))


@dataclass(frozen=True)
class Packed:
    """8-bit RGB, pixel by pixel."""

    pixels: str = "rgb24"
    identity: str = "rgb24"

    def write(self, image: Image) -> bytes:
        return image.tobytes()

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        _check_length(len(raw), 3 * size[0] * size[1])
        return np.frombuffer(raw, np.uint8).reshape(*size, 3).copy()


_FULL = f"full-range colour {colour.VERSION}"

YUV420 = Planar("yuv420p10le", colour.to_420, colour.from_420, half=True)
YUV444 = Planar("yuv444p10le", colour.to_444, colour.from_444)
YUV420_FULL = Planar(
    "yuv420p10le",
    partial(colour.to_420, levels=colour.FULL),
    partial(colour.from_420, levels=colour.FULL),
    half=True,
    identity=_FULL,
)
YUV444_FULL = Planar(
    "yuv444p10le",
    partial(colour.to_444, levels=colour.FULL),
    partial(colour.from_444, levels=colour.FULL),
    identity=_FULL,
)
GBR = Planar("yuv444p10le", colour.to_gbr, colour.from_gbr, identity="GBR")
RGB = Packed()


def _check_length(length: int, expected: int) -> None:
    if length != expected:
        raise CodecError(f"the decoder wrote {length} bytes instead of {expected}")
