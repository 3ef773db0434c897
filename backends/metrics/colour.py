"""How far colours are apart for an eye; PSNR and SSIM over R, G and B weigh all alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from skimage.color import deltaE_ciede2000, rgb2lab

from bench.codec import Image
from bench.metric import Better, check_pair

Planes: TypeAlias = npt.NDArray[np.float64]
"""L*, a* and b*, (3, H, W)."""

_difference: Callable[..., npt.NDArray[np.float64]] = deltaE_ciede2000
_lab: Callable[[Image], npt.NDArray[np.float64]] = rgb2lab
"""Typed here, as scikit-image does not."""


@dataclass(frozen=True)
class Ciede2000:
    """The colour difference CIEDE2000, mean over the pixels; 0 if identical.

    Of sRGB pictures under D65, with all weights 1, as scikit-image computes it; a difference of
    about 1 is just seen. Sharma, Wu and Dalal, 2005, https://doi.org/10.1002/col.20070
    """

    unit: ClassVar[str] = ""
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the mean difference, at least 0, in CIELAB's units.

        Raises:
            ValueError: the pictures differ in shape.
        """
        check_pair(reference, picture)
        return float(np.mean(_difference(_planes(reference), _planes(picture), channel_axis=0)))


def _planes(picture: Image) -> Planes:
    """Return the colours, each plane in one piece.

    NumPy takes other code for an arctan2 of interleaved values where the result happens to lie
    behind them in memory, and the last digit is then another.
    """
    return np.ascontiguousarray(np.moveaxis(_lab(picture), -1, 0))
