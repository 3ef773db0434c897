"""Random noise before encoding, drawn for every picture.

The noise hides a perturbation that is smaller than itself, and costs the bits that code it.

    Cohen et al., Certified adversarial robustness via randomized smoothing,
    https://arxiv.org/abs/1902.02918 (noise as a defence of classifiers)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backends.defences.filters import Filter
from bench.codec import Codec
from bench.defence import only
from bench.wrapping import layered, randomised

_SEEDS = 2**16
"""Number of different draws of the noise."""


@dataclass(frozen=True)
class Noise:
    """Gaussian noise before encoding; the attacker knows its strength but not the draw.

    Args:
        sigma: standard deviation of the noise, in 8-bit levels.
    """

    gradient: ClassVar[str] = "exact, averaged over draws; identity for the rounding to 8 bits"

    sigma: Annotated[float, Field(gt=0, le=64)] = 2.55

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with noise in front of it."""
        return randomised(_SEEDS, lambda seed: layered(only(_Noisy(self.sigma, seed)), 0, codec))


@dataclass(frozen=True)
class _Noisy(Filter):
    """One draw of the noise."""

    sigma: float
    seed: int

    def filtered(self, images: Tensor) -> Tensor:
        """Return noisy pictures, clipped to [0, 1]; all pictures of a batch get the same noise."""
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(images.shape[1:], generator=generator).to(images)
        return (images + self.sigma / 255 * noise).clamp(0, 1)
