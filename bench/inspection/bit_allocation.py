"""Maps of the bit allocation of a codec with gradients, from its entropy model."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bench.codec import Differentiable, Image

Map: TypeAlias = npt.NDArray[np.float64]
"""Bits by position, shape (h, w): one value for each point of a latent's grid."""


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
