"""What all floors share: the set is not a ball of a norm and not convex, and is kept by bisection.

x, x' --size--> loss of the metric <= radius?   if not: x + s (x' - x), s found by bisection
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from bench.budget import L2, Budget, Linf

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Pixels = npt.NDArray[np.uint8]
"""One 8-bit picture, uint8 (H, W, 3)."""

_PASSES = 9
"""Bisection steps; they find the scale of a perturbation to 0.2 % of an upper bound."""

_LARGEST = 0.95
"""Largest radius of a scaled set, as a share of the largest loss."""

_NOT_ZERO = 1e-12


@dataclass(frozen=True)
class Floor(Budget, ABC):
    """The metric of source and adversarial picture is at least `best` - `radius`.

    The harness enforces it on the 8-bit picture, with the metric that it reports. `project` scales
    a perturbation down until it is inside. `steepest` is the gradient, scaled to an MSE at the edge
    of the set or beyond.

    Attributes:
        best: the value of identical pictures.
        cap: an additional linf bound, in 8-bit levels; none if None.
    """

    best: ClassVar[float] = 1.0

    cap: int | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        cap = "" if self.cap is None else f" and linf {self.cap}"
        where = "" if self.region is None else f" in {self.region}"
        return f"{self.kind} {self.floor:.12g}{cap}{where}"

    @property
    def floor(self) -> float:
        """The least value of the metric."""
        return self.best - self.radius

    @property
    def identity(self) -> list[object]:
        return [*super().identity, self.cap]

    def scaled(self, factor: float) -> Floor:
        """Return a larger set: the loss grows with the square of a small perturbation.

        A set that is larger than `_LARGEST` already keeps its radius.
        """
        cap = None if self.cap is None else round(self.cap * factor)
        largest = max(self.radius, _LARGEST * self.best)
        return replace(self, radius=min(self.radius * factor**2, largest), cap=cap)

    @abstractmethod
    def loss(self, source: Pixels, picture: Pixels) -> float:
        """Return how far the reported metric of two 8-bit pictures is below `best`."""

    @abstractmethod
    def _noise(self) -> float:
        """Return an MSE of white noise, of pictures in [0, 1], that reaches the floor or more."""

    def steepest(self, gradient: Tensor) -> Tensor:
        length = 255 * math.sqrt(self._noise() * gradient[0].numel())
        return self._capped(L2(length, region=self.region).steepest(gradient))

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Scale the perturbation down until it is inside."""
        delta = self._capped(self._masked(images - source))
        whole = self.size((source + delta).clamp(0, 1), source)
        fits = whole <= self.radius * (1 + 1e-6)
        shares = whole.new_ones(whole.shape)
        if not bool(fits.all()):
            shares = shares.where(fits, self._shares(delta, source, whole))
        return moved(source, delta, shares)

    def _shares(self, delta: Tensor, source: Tensor, whole: Tensor) -> Tensor:
        """Return for each perturbation the largest scale that is inside, found by bisection, (B,).

        The loss grows at most with the square of the scale. The square root of `radius` over the
        current value is therefore an upper bound of the scale.

        Args:
            delta: the perturbations, (B, 3, H, W).
            source: the source pictures, same shape.
            whole: the losses of the whole perturbations, (B,).
        """
        outside = (self.radius / whole.clamp_min(_NOT_ZERO)).sqrt()
        inside = outside.new_zeros(outside.shape)
        for _ in range(_PASSES):
            middle = (inside + outside) / 2
            keeps = self.size(moved(source, delta, middle), source) <= self.radius
            inside = middle.where(keeps, inside)
            outside = outside.where(keeps, middle)
        return inside

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return randomly scaled noise, at most at the edge of the set; not a uniform sample."""
        import torch  # noqa: PLC0415 - leaderboards know budgets without torch

        shape = source.shape[1:]
        drawn = [torch.randn(shape, generator=rng, device=rng.device) for rng in rngs]
        shares = torch.cat([torch.rand(1, generator=rng, device=rng.device) for rng in rngs])
        edge = self.project(source + self.steepest(torch.stack(drawn).to(source)), source)
        return self.project(moved(source, edge - source, shares), source)

    def allows(self, images: Tensor, source: Tensor) -> Tensor:
        near = super().allows(images, source)
        return near if self.cap is None else near & Linf(self.cap).allows(images, source)

    def holds(self, adversarial: Tensor, source: Tensor) -> list[bool]:
        """Return for each 8-bit picture whether the reported metric, cap and region hold."""
        pairs = zip(pixels(source), pixels(adversarial), strict=True)
        near = [self.loss(origin, picture) <= self.radius for origin, picture in pairs]
        kept = self._keeps_region(adversarial.double(), source.double()).tolist()
        capped = kept if self.cap is None else Linf(self.cap).holds(adversarial, source)
        return [all(one) for one in zip(near, kept, capped, strict=True)]

    def _capped(self, delta: Tensor) -> Tensor:
        return delta if self.cap is None else delta.clamp(-self.cap / 255, self.cap / 255)

    def _level(self) -> float:
        """Return a tolerance for the rounding of float32 pictures."""
        return 1e-3


def pixels(levels: Tensor) -> list[Pixels]:
    """Return a batch of levels from 0 to 255, (B, 3, H, W), as 8-bit pictures."""
    return list(levels.byte().permute(0, 2, 3, 1).cpu().numpy())


def moved(source: Tensor, delta: Tensor, share: Tensor) -> Tensor:
    """Return the pictures with scaled perturbations; one scale for each picture, (B,)."""
    return (source + delta * share.to(delta).view(-1, 1, 1, 1)).clamp(0, 1)
