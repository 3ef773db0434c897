"""Luma, and the structural similarity of two 8-bit pictures, uint8 (H, W, 3) of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytorch_msssim
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import check_pair

_structural_similarity: Callable[..., float] = structural_similarity
"""Typed here, as scikit-image does not."""

SSIM_SIDE = 11
"""The least short side, in pixels, of a picture that has an SSIM: the window's."""
_MS_SSIM_SIDE = 161


def luma(colours: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return Y' of ITU-R BT.709-6 of R', G', B', (H, W, 3) -> (H, W), in the same unit.

    Element by element, so that it is the same on every machine.
    """
    red, green, blue = (colours[..., channel].astype(np.float64) for channel in range(3))
    total: npt.NDArray[np.float64] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return total


def ssim(reference: Image, picture: Image) -> float:
    """Return the structural similarity, the mean over R, G and B; at most 1.

    The original's settings: an 11x11 Gaussian window of sigma 1.5 that stays inside the picture,
    population covariances, K1 = 0.01, K2 = 0.03. No downsampling, no conversion to luma.

    Raises:
        Unsupported: the picture's short side is below the window's 11 pixels.
    """
    check_pair(reference, picture)
    _check_side("SSIM", reference, SSIM_SIDE)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    score = _structural_similarity(reference, picture, channel_axis=-1, data_range=255, **settings)
    return float(score)


def ms_ssim(reference: Image, picture: Image) -> float:
    """Return the multi-scale structural similarity, the mean over R, G and B; 0 to 1.

    Five scales with the original's weights, as pytorch-msssim computes them (and CompressAI with
    it), here in float64. Before each halving odd sides are padded with zeros.

    Raises:
        Unsupported: the picture's short side is below 161 pixels, too small for five scales.
    """
    check_pair(reference, picture)
    _check_side("MS-SSIM", reference, _MS_SSIM_SIDE)
    with torch.inference_mode():
        planes = zip(_planes(reference), _planes(picture), strict=True)
        scores = [pytorch_msssim.ms_ssim(*pair, data_range=255) for pair in planes]
    return float(torch.stack(scores).mean())


def _check_side(metric: str, picture: Image, least: int) -> None:
    side = min(picture.shape[:2])
    if side < least:
        raise Unsupported(
            f"{metric} needs a short side of at least {least} pixels, this picture has {side}"
        )


def _planes(picture: Image) -> Iterator[Tensor]:
    """Yield the channels, each (1, 1, H, W): in half the time and memory of all at once."""
    for channel in np.moveaxis(picture, -1, 0):
        yield torch.from_numpy(channel.astype(np.float64))[None, None]
