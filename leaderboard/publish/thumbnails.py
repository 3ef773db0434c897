"""What the page shows of an attacked picture: the part where most is lost, small and lossy.

source, attacked, both decoded --largest error--> window --> views, what changed, bit maps
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image as Pillow

from bench.codec import Differentiable, Image
from bench.inspection.bit_allocation import Map, allocation

SIDE = 256
"""Pixels that a view has at most on a side."""

AMPLIFIED = 10
"""What changes are multiplied with to be seen."""

_STRIDE = 16
_QUALITY = 75

_ROUGH = {"change": 10, "damage": 10}
"""Views that are mostly noise, of which a page could not carry every detail for many entries."""


@dataclass(frozen=True)
class Shown:
    """What there is to be shown.

    Attributes:
        source: x, uint8 (H, W, 3).
        attacked: x'.
        decoded: C(x).
        hurt: C(x').
        codec: C, if it may be asked where its bits lie: behind defences they lie elsewhere.
    """

    source: Image
    attacked: Image
    decoded: Image
    hurt: Image
    codec: Differentiable | None


def views(shown: Shown) -> dict[str, Image]:
    """Return the views by title, all of the same part of the picture."""
    window = _window(shown.source, shown.hurt)
    pictures = (shown.source, shown.attacked, shown.decoded, shown.hurt)
    source, attacked, decoded, hurt = (picture[window] for picture in pictures)
    maps = (painted[window] for painted in _maps(shown))
    return {
        "source": source,
        "attacked": attacked,
        "decoded": decoded,
        "attacked decoded": hurt,
        "change": _grown(source, attacked),
        "damage": _grown(decoded, hurt),
        **dict(zip(("bits", "attacked bits"), maps, strict=False)),
    }


def webp(title: str, image: Image) -> bytes:
    """Return a view as a file."""
    quality = _ROUGH.get(title, _QUALITY)
    stream = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(
        stream, format="WEBP", quality=quality, method=6
    )
    return stream.getvalue()


def _maps(shown: Shown) -> list[Image]:
    """Return where the bits of source and attacked picture lie, on one scale, if it can be told."""
    if shown.codec is None:
        return []
    spent = [allocation(shown.codec, picture) for picture in (shown.source, shown.attacked)]
    most = max(float(bits.max()) for bits in spent) or 1.0
    height, width, _ = shown.source.shape
    return [_painted(bits / most, height, width) for bits in spent]


def _painted(share: Map, height: int, width: int) -> Image:
    """Return a map of 0 to 1 in colours, each point as large as what it stands for.

    Codecs pad on the right and below, to a grid whose step is a power of two.
    """
    side, (rows, columns) = 1, share.shape
    while side * rows < height or side * columns < width:
        side *= 2
    large = share.repeat(side, 0).repeat(side, 1)[:height, :width]
    painted: Image = colormaps["viridis"](large, bytes=True)[..., :3]
    return painted


def _window(source: Image, hurt: Image) -> tuple[slice, slice]:
    """Return the part of a picture, at most SIDE wide and high, with the largest error."""
    error = np.square(source.astype(np.int64) - hurt).sum(2)
    height, width = (min(SIDE, side) for side in error.shape)
    total = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = range(0, error.shape[0] - height + 1, _STRIDE)
    lefts = range(0, error.shape[1] - width + 1, _STRIDE)
    top, left = max(
        ((top, left) for top in tops for left in lefts),
        key=lambda at: int(_inside(total, at[0], at[1], height, width)),
    )
    return slice(top, top + height), slice(left, left + width)


def _inside(total: npt.NDArray[np.int64], top: int, left: int, height: int, width: int) -> np.int64:
    """Return the sum over a window, from sums over all windows that begin at the corner."""
    low, right = top + height, left + width
    found: np.int64 = total[low, right] - total[top, right] - total[low, left] + total[top, left]
    return found


def _grown(before: Image, after: Image) -> Image:
    """Return a change, amplified, around grey."""
    change = AMPLIFIED * (after.astype(np.int32) - before)
    grown: Image = np.clip(128 + change, 0, 255).astype(np.uint8)
    return grown
