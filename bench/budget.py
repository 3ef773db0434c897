"""Budgets: a ball around the source picture, optionally limited to a region.

Images are float (B, 3, H, W) in [0, 1]. Radii are in the unit that `Budget.unit` names. The harness
enforces the budget on the 8-bit picture, after rounding.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_SLACK = 1e-3
"""Relative and absolute tolerance of the check of float pictures, far below one level."""

_CLIPPING_PASSES = 5
"""After these passes, 0.1 % of the radius is unused; 1 % if most of the perturbation is clipped."""

_NO_LENGTH = 1e-300
"""Replaces a norm of 0, to avoid a division by zero."""


@dataclass(frozen=True)
class Region:
    """A rectangle, in pixels. Pixels outside it must not change.

    Attributes:
        top: first row.
        left: first column.
        height: number of rows.
        width: number of columns.
    """

    top: int
    left: int
    height: int
    width: int

    def mask(self, images: Tensor) -> Tensor:
        """Return a mask (H, W), 1 inside the rectangle and 0 outside, for images (..., H, W)."""
        mask = images.new_zeros(images.shape[-2:])
        mask[self.top : self.top + self.height, self.left : self.left + self.width] = 1
        return mask


@dataclass(frozen=True)
class Budget(ABC):
    """A ball around the source picture.

    Attributes:
        kind: the name of the budget in a suite, such as "linf".
        unit: the unit of `radius`.
        radius: the radius of the ball, in `unit`.
        region: the rectangle that may change; the whole picture if None.
        least_side: the smallest side, in pixels, of pictures for which the budget is defined.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]
    least_side: ClassVar[int] = 1
    _power: ClassVar[int] = 1
    """How `radius` grows with the perturbation."""
    _rounding_passes: ClassVar[int] = 24
    """Bisection steps of the scale of a perturbation after rounding."""

    radius: float
    region: Region | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        where = "" if self.region is None else f" in {self.region}"
        return f"{self.kind} {self.radius:.12g}{where}"

    @property
    def identity(self) -> list[object]:
        """The values that identify the budget in a job's key."""
        return [self.kind, self.radius, self.region and astuple(self.region)]

    def scaled(self, factor: float) -> Budget:
        """Return the ball whose perturbations are `factor` times as large; at least 1."""
        return replace(self, radius=self.radius * factor**self._power)

    @abstractmethod
    def size(self, images: Tensor, source: Tensor) -> Tensor:
        """Return the distance of each picture from its source, float64 (B,), in `unit`."""

    @abstractmethod
    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the step with the largest inner product with `gradient`, (B, 3, H, W).

        Its length is the radius.
        """

    @abstractmethod
    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return the nearest pictures inside the ball, the region and [0, 1], (B, 3, H, W)."""

    @abstractmethod
    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return random pictures inside the ball, (B, 3, H, W).

        Args:
            source: the source pictures, float (B, 3, H, W) in [0, 1].
            rngs: one generator per picture.
        """

    def rounded(self, images: Tensor, source: Tensor) -> Tensor:
        """Round to 8-bit levels, uint8 (B, 3, H, W), that are inside the ball after rounding."""
        import torch  # noqa: PLC0415 - leaderboards know budgets without torch

        pairs = zip(images.split(1), source.split(1), strict=True)
        return torch.cat([self._rounded_one(image, origin) for image, origin in pairs])

    def allows(self, images: Tensor, source: Tensor) -> Tensor:
        """Return for each float picture, before rounding, whether it is inside, bool (B,).

        The check has a small tolerance for floating-point error.
        """
        near = self.size(images, source) <= self.radius * (1 + _SLACK) + _SLACK * self._level()
        return near & self._keeps_region(images, source)

    def holds(self, adversarial: Tensor, source: Tensor) -> list[bool]:
        """Return for each 8-bit picture whether it is inside the budget.

        Args:
            adversarial: levels from 0 to 255, (B, 3, H, W).
            source: levels of the source pictures, same shape.
        """
        a, s = adversarial.double() / 255, source.double() / 255
        near = self.size(a, s) <= self.radius * (1 + 1e-9)
        return (near & self._keeps_region(a, s)).tolist()

    def _rounded_one(self, image: Tensor, source: Tensor) -> Tensor:
        """Find by bisection the largest scale of the perturbation that is inside after rounding."""
        base, delta = _levels(source), self._masked(image - source)

        def at(scale: float) -> Tensor:
            return _levels(source + scale * delta).byte()

        if self.holds(at(1.0), base)[0]:
            return at(1.0)
        inside, outside = 0.0, 1.0
        for _ in range(self._rounding_passes):
            middle = (inside + outside) / 2
            if self.holds(at(middle), base)[0]:
                inside = middle
            else:
                outside = middle
        return at(inside)

    def _level(self) -> float:
        """Return the size of one 8-bit level of one value, in `unit`."""
        return 1.0

    def _keeps_region(self, images: Tensor, source: Tensor) -> Tensor:
        if self.region is None:
            return images.new_ones(len(images)).bool()
        outside = (images - source).abs() * (1 - self.region.mask(images))
        return outside.flatten(1).amax(1) == 0

    def _masked(self, values: Tensor) -> Tensor:
        return values if self.region is None else values * self.region.mask(values)


@dataclass(frozen=True)
class Linf(Budget):
    """No value changes by more than `radius` 8-bit levels."""

    kind: ClassVar[str] = "linf"
    unit: ClassVar[str] = "8-bit levels"

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        distance: Tensor = (images - source).abs().flatten(1).amax(1)
        return distance.double() * 255

    def steepest(self, gradient: Tensor) -> Tensor:
        return self._masked(gradient.sign() * (self.radius / 255))

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        epsilon = self.radius / 255
        delta = self._masked((images - source).clamp(-epsilon, epsilon))
        return (source + delta).clamp(0, 1)

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        import torch  # noqa: PLC0415

        noise = _per_picture(source, rngs, torch.rand) * 2 - 1
        return self.project(source + noise * (self.radius / 255), source)

    def rounded(self, images: Tensor, source: Tensor) -> Tensor:
        base, whole = _levels(source), math.floor(self.radius + 1e-9)
        delta = (_levels(images) - base).clamp(-whole, whole)
        return (base + self._masked(delta)).byte()


@dataclass(frozen=True)
class L2(Budget):
    """The l2 norm of the perturbation, in 8-bit levels, is at most `radius`."""

    kind: ClassVar[str] = "l2"
    unit: ClassVar[str] = "8-bit levels"

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        return _norm(images.double() - source.double()) * 255

    def steepest(self, gradient: Tensor) -> Tensor:
        masked = self._masked(gradient)
        norm = _norm(masked).clamp_min(_NO_LENGTH)
        return (masked * (self._reach(gradient) / norm).view(-1, 1, 1, 1)).to(gradient)

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return the nearest pictures inside the ball, the region and [0, 1].

        The nearest picture is a scaled perturbation clipped to [0, 1]. The first scale fits
        without clipping; each pass enlarges it and stays inside the ball.
        """
        delta, reach = self._masked(images - source), self._reach(images)
        nearest, share = source + delta, delta.new_ones(len(delta)).double()
        for _ in range(1 + _CLIPPING_PASSES):
            share = (share * reach / _norm(nearest - source).clamp_min(_NO_LENGTH)).clamp_max(1)
            nearest = (source + delta * share.to(delta).view(-1, 1, 1, 1)).clamp(0, 1)
        return nearest

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        import torch  # noqa: PLC0415

        direction = self.steepest(_per_picture(source, rngs, torch.randn))
        free = float(self._masked(source.new_ones(source.shape[1:])).sum())
        shares = torch.cat([torch.rand(1, generator=r, device=r.device) for r in rngs])
        lengths = (shares ** (1 / max(free, 1))).to(source).view(-1, 1, 1, 1)
        return self.project(source + direction * lengths, source)

    def _reach(self, images: Tensor) -> float:
        """Return the radius as an l2 norm of images in [0, 1]."""
        del images
        return self.radius / 255


@dataclass(frozen=True)
class Mse(L2):
    """The MSE of the perturbation, of pictures in [0, 1], is at most `radius` (Chen & Ma's tau)."""

    kind: ClassVar[str] = "mse"
    unit: ClassVar[str] = "mean squared error on [0, 1]"
    _power: ClassVar[int] = 2

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        return _norm(images.double() - source.double()) ** 2 / images[0].numel()

    def _reach(self, images: Tensor) -> float:
        return math.sqrt(self.radius * images[0].numel())

    def _level(self) -> float:
        return 1 / 255**2


@dataclass(frozen=True)
class Unlimited(Mse):
    """Every picture is allowed: no threat model, for pictures that nobody made against a codec.

    It is the ball of the largest possible MSE. An attack that needs nothing from its target and
    supports this budget is a corruption.
    """

    kind: ClassVar[str] = "unlimited"

    radius: float = 1.0

    def __str__(self) -> str:
        return self.kind


BALLS = (Linf.kind, L2.kind, Mse.kind, "ssim", "haarpsi", "cvvdp")
"""The kinds that an attack supports if it only uses `sample`, `steepest` and `project`: all that
have a limit."""

EUCLIDEAN = (L2.kind, Mse.kind)
"""The kinds that bound the summed squared perturbation, in two units."""


def _norm(delta: Tensor) -> Tensor:
    """Return the l2 norm of each picture, float64: in float32 small gradients underflow."""
    norm: Tensor = delta.double().flatten(1).norm(dim=1)
    return norm


def _levels(images: Tensor) -> Tensor:
    return (images * 255).round().clamp(0, 255)


def _per_picture(
    source: Tensor, rngs: Sequence[torch.Generator], draw: Callable[..., Tensor]
) -> Tensor:
    import torch  # noqa: PLC0415

    shape = source.shape[1:]
    return torch.stack([draw(shape, generator=rng, device=rng.device) for rng in rngs]).to(source)
