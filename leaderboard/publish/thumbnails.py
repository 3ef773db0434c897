"""Views of an adversarial picture for the page: the part with the largest error, lossy.

source, attacked, both reconstructions --largest error--> window --> views, differences, bit maps
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from bench.codec import Differentiable, Image
from bench.inspection.bit_allocation import Map, allocation, enlarged

SIDE = 256
"""Largest width and height of a view in pixels."""

AMPLIFIED = 10
"""Factor by which differences are amplified."""

_STRIDE = 16
_QUALITY = 75

_ROUGH = {"change": 10, "damage": 10}
"""Lower quality for views that are mostly noise, which would make the page too large."""


@dataclass(frozen=True)
class Shown:
    """The images that views show.

    Attributes:
        source: x, uint8 (H, W, 3).
        attacked: x'.
        decoded: C(x).
        attacked_decoded: C(x').
        codec: C for maps of its bits; None for a defended codec, whose bits lie elsewhere.
    """

    source: Image
    attacked: Image
    decoded: Image
    attacked_decoded: Image
    codec: Differentiable | None


def views(shown: Shown) -> dict[str, Image]:
    """Return the views by their names in entries, all of the same part of the picture."""
    part = window(shown.source, shown.attacked_decoded)
    images = (shown.source, shown.attacked, shown.decoded, shown.attacked_decoded)
    source, attacked, decoded, attacked_decoded = (image[part] for image in images)
    maps = (painted[part] for painted in _maps(shown))
    return {
        "source": source,
        "attacked": attacked,
        "decoded": decoded,
        "attacked decoded": attacked_decoded,
        "change": _amplified(source, attacked),
        "damage": _amplified(decoded, attacked_decoded),
        **dict(zip(("bits", "attacked bits"), maps, strict=False)),
    }


def webp(title: str, image: Image) -> bytes:
    """Return a view as a WebP file."""
    quality = _ROUGH.get(title, _QUALITY)
    stream = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(
        stream, format="WEBP", quality=quality, method=6
    )
    return stream.getvalue()


def _maps(shown: Shown) -> list[Image]:
    """Return maps of the bits of both pictures on one scale, if the codec has them."""
    if shown.codec is None:
        return []
    spent = [allocation(shown.codec, picture) for picture in (shown.source, shown.attacked)]
    most = max(float(bits.max()) for bits in spent) or 1.0
    height, width, _ = shown.source.shape
    return [_painted(bits / most, height, width) for bits in spent]


def _painted(share: Map, height: int, width: int) -> Image:
    """Return a map of 0 to 1 in colours, enlarged to the size of the picture."""
    from matplotlib import colormaps  # noqa: PLC0415 - slow to import

    large = enlarged(share, height, width)
    painted: Image = colormaps["viridis"](large, bytes=True)[..., :3]
    return painted


def window(source: Image, decoded: Image, largest: int = SIDE) -> tuple[slice, slice]:
    """Return the part of a picture with the largest error.

    Args:
        source: a picture, uint8 (H, W, 3).
        decoded: another one of the same size.
        largest: largest width and height of the part, in pixels.
    """
    error = np.square(source.astype(np.int64) - decoded).sum(2)
    height, width = (min(largest, side) for side in error.shape)
    total = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = range(0, error.shape[0] - height + 1, _STRIDE)
    lefts = range(0, error.shape[1] - width + 1, _STRIDE)
    top, left = max(
        ((top, left) for top in tops for left in lefts),
        key=lambda at: int(_inside(total, at[0], at[1], height, width)),
    )
    return slice(top, top + height), slice(left, left + width)


def _inside(total: npt.NDArray[np.int64], top: int, left: int, height: int, width: int) -> np.int64:
    """Return the sum over a window from the sums over all windows that begin at the corner."""
    low, right = top + height, left + width
    inside: np.int64 = total[low, right] - total[top, right] - total[low, left] + total[top, left]
    return inside


def _amplified(before: Image, after: Image) -> Image:
    """Return the amplified difference around grey."""
    difference = AMPLIFIED * (after.astype(np.int32) - before)
    amplified: Image = np.clip(128 + difference, 0, 255).astype(np.uint8)
    return amplified
