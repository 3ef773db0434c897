"""What is left of a picture that is encoded and decoded again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from bench.codec import Image
from bench.metric import Better, Recode, psnr_of

Count = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True)
class Generations:
    """The PSNR that the decoded picture loses when it is coded again, in dB; 0 if nothing changes.

    The first generation is C(x'), generation g is C applied g times to x'. The value is the PSNR of
    the first generation minus that of the last, both against x. It is negative if coding again
    comes closer to x. Multi-generation loss of learned codecs: Kim et al. 2020, "Instability of
    Successive Deep Image Compression", https://doi.org/10.1145/3394171.3413680.

    Args:
        count: number of the last generation.
    """

    unit: ClassVar[str] = "dB"
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    count: Count = 10

    def after_recoding(self, reference: Image, picture: Image, recode: Recode) -> float:
        """Return the loss in dB; infinite if only the first generation is lossless."""
        first = last = picture
        for _ in range(self.count - 1):
            last = recode(last).image
        before, after = (_psnr(reference, decoded) for decoded in (first, last))
        return 0.0 if before == after else before - after


@dataclass(frozen=True)
class GenerationRate:
    """The rate of the last generation in bits per pixel; see `Generations`.

    Args:
        count: number of the last generation.
    """

    unit: ClassVar[str] = "bpp"
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    count: Count = 10

    def after_recoding(self, reference: Image, picture: Image, recode: Recode) -> float:
        """Return the rate in bits per pixel, greater than 0."""
        del reference
        rate = math.nan
        for _ in range(self.count - 1):
            coded = recode(picture)
            picture, rate = coded.image, coded.bpp
        return rate


def _psnr(reference: Image, picture: Image) -> float:
    difference = reference.astype(np.float64) - picture
    return psnr_of(float(np.mean(np.square(difference))) / 255**2)
