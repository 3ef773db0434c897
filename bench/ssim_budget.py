"""The SSIM budget: a lower bound on the SSIM between the adversarial picture and its source.

The bound (SSIM of Wang et al. 2004, doi.org/10.1109/TIP.2003.819861) allows large perturbations in
textured areas and small ones in flat areas. It also allows large perturbations that change
neighbouring values alike, such as smooth colour shifts. The harness enforces it on the 8-bit
picture with the SSIM that it reports (`bench.metrics.ssim.ssim`). The check of float pictures uses
the same formula for batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from bench.budget import L2, Budget, Linf
from bench.errors import Unsupported
from bench.metrics.ssim import SSIM_SIDE, ssim

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_PASSES = 9
"""Bisection steps; they find the scale of a perturbation to 0.2 % of an upper bound."""

_FLAT = 0.03**2
"""The constant C2 of SSIM: noise of this variance halves the similarity of a flat area."""

_BUSY = 5.0
"""The sample photographs (64x64 to 300x300, bounds from 0.8 to 0.98) need 1.2 to 5 times the MSE
of white noise that a flat picture needs for the same SSIM."""

_LARGEST = 0.95
"""Largest radius of a scaled set."""

_NOT_ZERO = 1e-12


@dataclass(frozen=True)
class Ssim(Budget):
    """The SSIM of source and adversarial picture is at least 1 - `radius`.

    The set is not a ball of a norm and not convex. `project` scales a perturbation down until it is
    inside. `steepest` is the gradient, scaled to an MSE at the edge of the set or beyond.

    Attributes:
        cap: an additional linf bound, in 8-bit levels; none if None.
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

    def scaled(self, factor: float) -> Ssim:
        """Return a larger set: 1 - SSIM grows with the square of a small perturbation."""
        cap = None if self.cap is None else round(self.cap * factor)
        return replace(self, radius=min(self.radius * factor**2, _LARGEST), cap=cap)

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        """Return 1 - SSIM of each picture, float64 (B,).

        Raises:
            Unsupported: the short side is below 11 pixels, the size of the SSIM window.
        """
        import pytorch_msssim  # noqa: PLC0415 - leaderboards know budgets without torch

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
        """Scale the perturbation down by bisection until it is inside.

        1 - SSIM grows at most with the square of the scale. The square root of `radius` over the
        current value is therefore an upper bound of the scale.
        """
        delta = self._capped(self._masked(images - source))
        whole = self.size((source + delta).clamp(0, 1), source)
        fits = whole <= self.radius * (1 + 1e-6)
        outside = (self.radius / whole.clamp_min(_NOT_ZERO)).sqrt()
        inside = outside.new_zeros(outside.shape)
        for _ in range(0 if bool(fits.all()) else _PASSES):
            middle = (inside + outside) / 2
            keeps = self.size(_moved(source, delta, middle), source) <= self.radius
            inside = middle.where(keeps, inside)
            outside = outside.where(keeps, middle)
        return _moved(source, delta, inside.new_ones(inside.shape).where(fits, inside))

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return randomly scaled noise, at most at the edge of the set; not a uniform sample."""
        import torch  # noqa: PLC0415

        shape = source.shape[1:]
        drawn = [torch.randn(shape, generator=rng, device=rng.device) for rng in rngs]
        shares = torch.cat([torch.rand(1, generator=rng, device=rng.device) for rng in rngs])
        edge = self.project(source + self.steepest(torch.stack(drawn).to(source)), source)
        return self.project(_moved(source, edge - source, shares), source)

    def allows(self, images: Tensor, source: Tensor) -> Tensor:
        near = super().allows(images, source)
        return near if self.cap is None else near & Linf(self.cap).allows(images, source)

    def holds(self, adversarial: Tensor, source: Tensor) -> list[bool]:
        """Return for each 8-bit picture whether the reported SSIM, cap and region hold."""
        pairs = zip(_pixels(adversarial), _pixels(source), strict=True)
        near = [1 - ssim(origin, picture) <= self.radius for picture, origin in pairs]
        kept = self._keeps_region(adversarial.double(), source.double()).tolist()
        capped = kept if self.cap is None else Linf(self.cap).holds(adversarial, source)
        return [all(one) for one in zip(near, kept, capped, strict=True)]

    def _capped(self, delta: Tensor) -> Tensor:
        return delta if self.cap is None else delta.clamp(-self.cap / 255, self.cap / 255)

    def _level(self) -> float:
        """Return a tolerance for the rounding of float32 pictures."""
        return 1e-3


def _moved(source: Tensor, delta: Tensor, share: Tensor) -> Tensor:
    return (source + delta * share.to(delta).view(-1, 1, 1, 1)).clamp(0, 1)


def _pixels(levels: Tensor) -> list[npt.NDArray[np.uint8]]:
    return list(levels.byte().permute(0, 2, 3, 1).cpu().numpy())
