"""How the samples of a picture lie in what an external program reads and writes.

RGB uint8 (H, W, 3) <--colour--> three planes of 16-bit little-endian words, 10 bits used
                    <----------> RGB bytes, one pixel after the other
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
    """One way for the samples to lie.

    Attributes:
        pixels: what ffmpeg calls it.
        identity: what names it and the arithmetic that leads to it.
    """

    @property
    def pixels(self) -> str: ...
    @property
    def identity(self) -> str: ...

    def write(self, image: Image) -> bytes:
        """Return the samples of a picture, uint8 (H, W, 3)."""
        ...

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        """Return the picture of that size.

        Raises:
            CodecError: these are not its samples: too few or too many.
        """
        ...


@dataclass(frozen=True)
class Planar:
    """Three planes of 10 bits, one after the other.

    Attributes:
        to_planes: makes them of a picture.
        from_planes: makes a picture of them.
        half: whether the last two have half the sides.
    """

    pixels: str
    to_planes: Callable[[Image], colour.Planes]
    from_planes: Callable[[colour.Planes], Image]
    half: bool = False
    identity: str = f"colour {colour.VERSION}"

    def write(self, image: Image) -> bytes:
        """Return the planes' bytes."""
        return colour.to_bytes(self.to_planes(image))

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        """Return the picture that the planes' bytes hold."""
        chroma = colour.half(size) if self.half else size
        _refuse_unless(len(raw), 2 * (size[0] * size[1] + 2 * chroma[0] * chroma[1]))
        return self.from_planes(colour.from_bytes(raw, size, chroma))


@dataclass(frozen=True)
class Packed:
    """The bytes of the picture itself."""

    pixels: str = "rgb24"
    identity: str = "rgb24"

    def write(self, image: Image) -> bytes:
        """Return the picture's bytes."""
        return image.tobytes()

    def read(self, raw: bytes, size: colour.Shape) -> Image:
        """Return the picture of these bytes."""
        _refuse_unless(len(raw), 3 * size[0] * size[1])
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


def _refuse_unless(found: int, expected: int) -> None:
    if found != expected:
        raise CodecError(f"the decoder gave {found} bytes, not {expected}")
