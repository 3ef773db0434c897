"""The perceptual budget: how similar a picture must stay to its source, whatever was changed.

A floor on SSIM (Wang et al. 2004, doi.org/10.1109/TIP.2003.819861) allows much where a picture is
busy and little where it is flat, and large changes that move neighbouring values alike, such as
smooth shifts of colour. What is enforced on the 8-bit picture is the very score that is reported,
`bench.metrics.ssim.ssim`; the float check is the same formula, for batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytorch_msssim
import torch
from torch import Tensor

from bench.budget import L2, Budget, Linf
from bench.errors import Unsupported
from bench.metrics.ssim import SSIM_SIDE, ssim

_PASSES = 9
"""Halvings that find the share of a change that is inside, to 0.2 % of an upper bound."""

_FLAT = 0.03**2
"""SSIM's constant C2, the variance at which a flat place loses half of its similarity."""

_BUSY = 5.0
"""White noise falls to one SSIM at an MSE that is 1.2 to 5 times as large on the sample
photographs (64x64 to 300x300, floors of 0.8 to 0.98) as on a flat picture."""

_NOT_ZERO = 1e-12


@dataclass(frozen=True)
class Ssim(Budget):
    """The SSIM of source and picture is at least 1 - `radius`.

    The set is no ball of a norm and not convex. `project` shrinks a change until it is inside, and
    `steepest` is the gradient at the length of an MSE that lies at its edge or beyond.

    Attributes:
        cap: the most levels that any value may change by as well; no such bound if None.
    """

    kind: ClassVar[str] = "ssim"
    unit: ClassVar[str] = "1 - SSIM"
    least_side: ClassVar[int] = SSIM_SIDE

    cap: int | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        cap = "" if self.cap is None else f" and linf {self.cap}"
        where = "" if self.region is None else f" in {self.region}"
        return f"{self.kind} {1 - self.radius:.12g}{cap}{where}"

    @property
    def identity(self) -> list[object]:
        return [*super().identity, self.cap]

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        """Return 1 - SSIM of each picture, float64 (B,).

        Raises:
            Unsupported: the pictures' short side is below the window's 11 pixels.
        """
        side = min(source.shape[-2:])
        if side < self.least_side:
            raise Unsupported(
                f"a budget in SSIM needs a short side of at least {self.least_side} pixels, this"
                f" picture has {side}"
            )
        pair = images.double(), source.double()
        similarity: Tensor = pytorch_msssim.ssim(*pair, data_range=1.0, size_average=False)
        return 1 - similarity

    def steepest(self, gradient: Tensor) -> Tensor:
        error = _BUSY * _FLAT * self.radius / (1 - self.radius)
        length = 255 * math.sqrt(error * gradient[0].numel())
        return self._capped(L2(length, region=self.region).steepest(gradient))

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Shrink the change until it is inside, by bisection.

        A small change costs similarity in proportion to its square, a larger one less: the root
        of what is too much is an upper bound of the share that is inside.
        """
        delta = self._capped(self._masked(images - source))
        whole = self.size((source + delta).clamp(0, 1), source)
        fits = whole <= self.radius * (1 + 1e-6)
        outside = (self.radius / whole.clamp_min(_NOT_ZERO)).sqrt()
        inside = torch.zeros_like(outside)
        for _ in range(0 if bool(fits.all()) else _PASSES):
            middle = (inside + outside) / 2
            keeps = self.size(_moved(source, delta, middle), source) <= self.radius
            inside = torch.where(keeps, middle, inside)
            outside = torch.where(keeps, outside, middle)
        return _moved(source, delta, torch.where(fits, torch.ones_like(inside), inside))

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return random shares of noise at the edge of the set; no even draw from it."""
        shape = source.shape[1:]
        drawn = [torch.randn(shape, generator=rng, device=rng.device) for rng in rngs]
        shares = torch.cat([torch.rand(1, generator=rng, device=rng.device) for rng in rngs])
        edge = self.project(source + self.steepest(torch.stack(drawn).to(source)), source)
        return self.project(_moved(source, edge - source, shares), source)

    def allows(self, images: Tensor, source: Tensor) -> Tensor:
        near = super().allows(images, source)
        return near if self.cap is None else near & Linf(self.cap).allows(images, source)

    def holds(self, adversarial: Tensor, source: Tensor) -> list[bool]:
        """Tell for each 8-bit picture whether its reported SSIM, cap and region are kept."""
        pairs = zip(_pixels(adversarial), _pixels(source), strict=True)
        near = [1 - ssim(origin, picture) <= self.radius for picture, origin in pairs]
        kept = self._keeps_region(adversarial.double(), source.double()).tolist()
        capped = kept if self.cap is None else Linf(self.cap).holds(adversarial, source)
        return [all(one) for one in zip(near, kept, capped, strict=True)]

    def _capped(self, delta: Tensor) -> Tensor:
        return delta if self.cap is None else delta.clamp(-self.cap / 255, self.cap / 255)

    def _level(self) -> float:
        """Return what leaves room for the rounding of float32 pictures."""
        return 1e-3


def _moved(source: Tensor, delta: Tensor, share: Tensor) -> Tensor:
    return (source + delta * share.to(delta).view(-1, 1, 1, 1)).clamp(0, 1)


def _pixels(levels: Tensor) -> list[npt.NDArray[np.uint8]]:
    return list(levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())
