"""What is left of a picture that is encoded and decoded again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from bench.codec import Image
from bench.metric import Better, Recode, Recoded
from bench.metrics.scores import psnr

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

    @property
    def codings(self) -> float:
        """The generations after the first one."""
        return self.count - 1

    def after_recoding(self, reference: Image, picture: Image, recode: Recode) -> float:
        """Return the loss in dB; infinite if only the first generation is lossless."""
        last = _last_generation(picture, self.count, recode).image
        before, after = (psnr(reference, decoded) for decoded in (picture, last))
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

    @property
    def codings(self) -> float:
        """The generations after the first one."""
        return self.count - 1

    def after_recoding(self, reference: Image, picture: Image, recode: Recode) -> float:
        """Return the rate in bits per pixel, greater than 0."""
        del reference
        return _last_generation(picture, self.count, recode).bpp


def _last_generation(first: Image, count: int, recode: Recode) -> Recoded:
    """Return generation `count`, at least 2, of a picture whose first generation is given."""
    coded = recode(first)
    for _ in range(count - 2):
        coded = recode(coded.image)
    return coded
