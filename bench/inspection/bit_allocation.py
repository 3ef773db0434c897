"""Where a codec with gradients spends its bits, as its entropy model sees it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from bench.codec import Differentiable, Image
from bench.tensors import to_tensor

Map: TypeAlias = npt.NDArray[np.float64]
"""Bits by place, shape (h, w): one value for each point of a latent's grid."""


def allocation(codec: Differentiable, image: Image) -> Map:
    """Return the bits of the stream with the finest grid, all its channels summed.

    Args:
        codec: whose surrogate tells.
        image: uint8, shape (H, W, 3).
    """
    with torch.no_grad():
        streams = codec.rate(to_tensor(image)).values()
    finest = max(streams, key=lambda bits: bits.shape[-1] * bits.shape[-2])
    grid: Map = finest[0].flatten(0, -3).sum(0).double().numpy()
    return grid
