"""Maps of the bit allocation of a codec with gradients, from its entropy model."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bench.codec import Differentiable, Image

Map: TypeAlias = npt.NDArray[np.float64]
"""Bits by position, shape (h, w): one value for each point of a latent's grid, or each pixel."""


def allocation(codec: Differentiable, image: Image) -> Map:
    """Return the bits of the stream with the finest grid, summed over its channels.

    Args:
        codec: a codec with a surrogate.
        image: uint8, shape (H, W, 3).
    """
    import torch  # noqa: PLC0415 - takes seconds to import

    from bench.tensors import to_tensor  # noqa: PLC0415 - imports torch

    with torch.no_grad():
        streams = codec.rate(to_tensor(image)).values()
    finest = max(streams, key=lambda bits: bits.shape[-1] * bits.shape[-2])
    grid: Map = finest[0].flatten(0, -3).sum(0).double().numpy()
    return grid


def by_pixel(codec: Differentiable, source: Image, attacked: Image) -> tuple[Map, Map]:
    """Return the bits of two pictures, uint8 (H, W, 3), as maps of shape (H, W).

    A pixel has the bits of the point of the latent's grid in which it lies.
    """
    height, width, _ = source.shape
    before, after = (
        enlarged(allocation(codec, image), height, width) for image in (source, attacked)
    )
    return before, after


def enlarged(grid: Map, height: int, width: int) -> Map:
    """Return a bit allocation by pixel, shape (height, width), without what codecs pad.

    Codecs pad on the right and below, to a grid whose step is a power of two.

    Args:
        grid: bits by position of the latent, shape (h, w).
        height: height of the picture in pixels.
        width: width of the picture in pixels.
    """
    side, (rows, columns) = 1, grid.shape
    while side * rows < height or side * columns < width:
        side *= 2
    return grid.repeat(side, 0).repeat(side, 1)[:height, :width]
