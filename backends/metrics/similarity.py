"""Similarity of local structure, as the package piq computes it (the extra `perceptual`).

All compute in float32 on R, G and B in [0, 1] with the threads of the suite. The same pictures have
the same value on the same machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from bench.codec import Image
from bench.metric import Better, check_pair, check_side
from bench.metrics.sides import HAARPSI_SIDE
from bench.tensors import to_tensor


class _OfPiq:
    """A function of piq, called for one pair of pictures.

    Attributes:
        title: its name in messages.
        function: its name in piq.
        least_side: the least short side of a picture, in pixels.
    """

    version: ClassVar[int] = 1
    unit: ClassVar[str] = ""
    title: ClassVar[str]
    function: ClassVar[str]
    least_side: ClassVar[int]

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the value for two pictures, uint8 (H, W, 3).

        Raises:
            Unsupported: the short side is below `least_side` pixels.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        check_side(self.title, self.least_side, reference.shape[:2])
        import piq  # noqa: PLC0415 - an extra

        with torch.inference_mode():
            return float(getattr(piq, self.function)(to_tensor(picture), to_tensor(reference)))


@dataclass(frozen=True)
class HaarPsi(_OfPiq):
    """HaarPSI, the similarity of Haar wavelets of luma and of local colour, 0 to 1 for identity.

    Reisenhofer et al. 2018, https://doi.org/10.1016/j.image.2017.11.001, with three scales after
    halving the picture, C = 30 and alpha = 4.2. The short side has at least 16 pixels.
    """

    better: ClassVar[Better] = "higher"
    title: ClassVar[str] = "HaarPSI"
    function: ClassVar[str] = "haarpsi"
    least_side: ClassVar[int] = HAARPSI_SIDE

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the similarity; the formula has no value for two black pictures."""
        value = super().__call__(reference, picture)
        return 1.0 if np.array_equal(reference, picture) else value


@dataclass(frozen=True)
class Gmsd(_OfPiq):
    """GMSD, the standard deviation of the similarity of luma gradients; 0 for identity, below 0.5.

    Xue et al. 2014, https://doi.org/10.1109/TIP.2013.2293423, after halving the picture. The short
    side has at least 8 pixels.
    """

    better: ClassVar[Better] = "lower"
    title: ClassVar[str] = "GMSD"
    function: ClassVar[str] = "gmsd"
    least_side: ClassVar[int] = 8


@dataclass(frozen=True)
class Vif(_OfPiq):
    """VIF of pixels, the share of the visual information of luma that is kept; 1 for identity.

    Sheikh & Bovik 2006, https://doi.org/10.1109/TIP.2005.859378, in the approximation that its
    authors published (vifp): four scales of pixels in place of wavelets. It is at least 0. A
    picture with more contrast than its reference can be above 1. The short side has at least 41
    pixels.
    """

    better: ClassVar[Better] = "higher"
    title: ClassVar[str] = "VIF"
    function: ClassVar[str] = "vif_p"
    least_side: ClassVar[int] = 41
