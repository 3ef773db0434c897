"""SSIM, MS-SSIM and luma of 8-bit pictures, uint8 (H, W, 3); two pictures must have one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bench.codec import Image
from bench.metric import check_pair, check_side
from bench.metrics.sides import MS_SSIM_SIDE

if TYPE_CHECKING:
    from torch import Tensor

SSIM_SIDE = 11
"""Smallest short side, in pixels, of a picture that has an SSIM: the side of the window."""


def luma(colours: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return the luma Y' of ITU-R BT.709-6, (H, W), of R'G'B' values, (H, W, 3), in their unit.

    It is computed element by element, so that it is the same on every machine.
    """
    red, green, blue = (colours[..., channel].astype(np.float64) for channel in range(3))
    total: npt.NDArray[np.float64] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return total


def ssim(reference: Image, picture: Image) -> float:
    """Return the structural similarity, mean over R, G and B; at most 1, which is identity.

    The settings are those of Wang et al. (2004, doi.org/10.1109/TIP.2003.819861): an 11x11 Gaussian
    window of sigma 1.5 that stays inside the picture, population covariances, K1 = 0.01 and
    K2 = 0.03. Pictures are neither downsampled nor converted to luma.

    Raises:
        Unsupported: the short side of the picture is below 11 pixels, the side of the window.
        ValueError: the two differ in shape, or one is not uint8.
    """
    check_pair(reference, picture)
    check_side("SSIM", SSIM_SIDE, reference.shape[:2])
    from skimage import metrics  # noqa: PLC0415 - takes a second to import

    # Typed here, because scikit-image is not.
    structural_similarity: Callable[..., float] = metrics.structural_similarity
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    score = structural_similarity(reference, picture, channel_axis=-1, data_range=255, **settings)
    return float(score)


def ms_ssim(reference: Image, picture: Image) -> float:
    """Return the multi-scale structural similarity, mean over R, G and B; 0 to 1.

    It has the five scales and weights of Wang et al. (2003, doi.org/10.1109/ACSSC.2003.1292216), as
    computed by pytorch-msssim, which CompressAI uses too, here in float64. Odd sides are padded
    with zeros before each halving.

    Raises:
        Unsupported: the short side of the picture is below 161 pixels, too small for five scales.
        ValueError: the two differ in shape, or one is not uint8.
    """
    check_pair(reference, picture)
    check_side("MS-SSIM", MS_SSIM_SIDE, reference.shape[:2])
    import pytorch_msssim  # noqa: PLC0415 - imports torch
    import torch  # noqa: PLC0415 - takes seconds to import

    with torch.inference_mode():
        planes = zip(_planes(reference), _planes(picture), strict=True)
        scores = [pytorch_msssim.ms_ssim(*pair, data_range=255) for pair in planes]
    return float(torch.stack(scores).mean())


def _planes(picture: Image) -> Iterator[Tensor]:
    """Yield the channels, each (1, 1, H, W).

    One at a time takes half the time and memory of all three at once.
    """
    import torch  # noqa: PLC0415 - takes seconds to import

    for channel in np.moveaxis(picture, -1, 0):
        yield torch.from_numpy(channel.astype(np.float64))[None, None]
