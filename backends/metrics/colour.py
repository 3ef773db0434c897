"""Perceptual colour difference; PSNR and SSIM on R, G and B do not model colour perception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from skimage.color import deltaE_ciede2000, rgb2lab

from bench.codec import Image
from bench.metric import Better, check_pair

Lab: TypeAlias = npt.NDArray[np.float64]
"""L*, a* and b*, float64 (3, H, W)."""

_difference: Callable[..., npt.NDArray[np.float64]] = deltaE_ciede2000
_lab: Callable[[Image], npt.NDArray[np.float64]] = rgb2lab
"""Typed here because scikit-image has no types."""


@dataclass(frozen=True)
class Ciede2000:
    """The colour difference CIEDE2000, averaged over the pixels; 0 for identical pictures.

    Sharma, Wu & Dalal 2005, https://doi.org/10.1002/col.20070, as scikit-image computes it, for
    sRGB pictures under D65 with all weights 1. A difference of about 1 is just noticeable.
    """

    unit: ClassVar[str] = ""
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the mean difference, at least 0, in units of CIELAB.

        Args:
            reference: uint8 (H, W, 3).
            picture: uint8 (H, W, 3).

        Raises:
            ValueError: the pictures differ in shape.
        """
        check_pair(reference, picture)
        return float(
            np.mean(_difference(_lab_planes(reference), _lab_planes(picture), channel_axis=0))
        )


def _lab_planes(picture: Image) -> Lab:
    """Return the CIELAB planes of a picture, each contiguous in memory.

    For interleaved values NumPy chooses its arctan2 code by the position of the result in memory,
    and the last digit depends on the choice.
    """
    return np.ascontiguousarray(np.moveaxis(_lab(picture), -1, 0))
