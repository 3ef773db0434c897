"""Floors of metrics that suites can name too: HaarPSI and ColorVideoVDP.

::

    images --rounded to 8 bits--> metric of `bench.registry` --> best - value, for each picture

The check of float pictures rounds them as the harness does, so that a picture inside stays inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from bench.floors.floor import Floor, Pixels, moved, pixels
from bench.metric import Metric, check_side
from bench.metrics.sides import HAARPSI_SIDE
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MetricFloor(Floor):
    """A metric for which higher is better is at least `best` - `radius`; `kind` is its name."""

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        """Return the loss of each picture once rounded, float64 (B,); infinite where it has NaN.

        Raises:
            Unsupported: the metric is not defined for pictures of this size.
        """
        import torch  # noqa: PLC0415 - leaderboards know budgets without torch

        check_side(f"a budget in {self.kind}", self.least_side, source.shape[-2:])
        rounded = ((batch.nan_to_num() * 255).round().clamp(0, 255) for batch in (source, images))
        losses = [self.loss(*pair) for pair in zip(*map(pixels, rounded), strict=True)]
        sizes = torch.tensor(losses, dtype=torch.float64, device=images.device)
        return sizes.masked_fill(~images.isfinite().flatten(1).all(1), torch.inf)

    def loss(self, source: Pixels, picture: Pixels) -> float:
        return self.best - self._metric()(source, picture)

    def _metric(self) -> Metric:
        return _made(self.kind)


@dataclass(frozen=True)
class HaarPsi(MetricFloor):
    """The HaarPSI of source and adversarial picture is at least 1 - `radius`.

    HaarPSI: Reisenhofer et al. 2018, doi.org/10.1016/j.image.2017.11.001. It halves the picture
    before it compares, so that it hardly sees a perturbation of the finest pixels.
    """

    kind: ClassVar[str] = "haarpsi"
    unit: ClassVar[str] = "1 - HaarPSI"
    least_side: ClassVar[int] = HAARPSI_SIDE

    def _noise(self) -> float:
        return _HAARPSI_NOISE * self.radius / (1 - self.radius)


@dataclass(frozen=True)
class Cvvdp(MetricFloor):
    """The quality by ColorVideoVDP of the adversarial picture is at least 10 - `radius` JOD.

    ColorVideoVDP: Mantiuk et al. 2024, doi.org/10.1145/3658144. One comparison takes as long as
    many steps of a search. A projection therefore ends at the first scale whose loss is at most
    `radius` and at least 90 % of it, mostly after three comparisons; other floors are found to
    0.2 % of the scale. Attacks by queries compare at each query; give them small pictures.
    """

    kind: ClassVar[str] = "cvvdp"
    unit: ClassVar[str] = "10 - JOD"
    least_side: ClassVar[int] = 8
    best: ClassVar[float] = 10.0
    _rounding_passes: ClassVar[int] = 8

    def _shares(self, delta: Tensor, source: Tensor, whole: Tensor) -> Tensor:
        """Interpolate the loss, a power of the scale, between a scale inside and one outside."""
        outside, above = whole.new_ones(whole.shape), whole
        inside, below = whole.new_zeros(whole.shape), whole.new_zeros(whole.shape)
        for _ in range(_COMPARISONS):
            power = ((above / below).log() / (outside / inside).log()).clamp(*_POWERS)
            power = power.where(below > 0, _JOD_POWER)
            middle = outside * (_AIM * self.radius / above) ** (1 / power)
            losses = self.size(moved(source, delta, middle), source)
            keeps = losses <= self.radius
            inside, below = middle.where(keeps, inside), losses.where(keeps, below)
            outside, above = outside.where(keeps, middle), above.where(keeps, losses)
            if bool(((below >= _ENOUGH * self.radius) | (whole <= self.radius)).all()):
                break
        return inside

    def _noise(self) -> float:
        return _JOD_NOISE * self.radius


_HAARPSI_NOISE = 0.05
"""White noise on the sample photographs (64x64 and 200x200, floors from 0.6 to 0.98) reaches the
floor at an MSE of 0.006 to 0.05 times r / (1 - r)."""

_JOD_NOISE = 0.02
"""The same (64x64 to 160x160, floors from 8 to 9.9) at an MSE of 0.0004 to 0.014 times the loss."""

_JOD_POWER = 1.2
"""The loss grows about with this power of the scale of that noise; above 9.5 JOD with 2."""

_POWERS = 0.5, 4.0
"""Interpolated powers outside are errors of rounding."""

_AIM, _ENOUGH = 0.97, 0.9
"""The shares of `radius` that a comparison aims at, and at which it is the last one."""

_COMPARISONS = 9
"""Most comparisons; a perturbation that is never found inside is dropped."""


@cache
def _made(name: str) -> Metric:
    metric: Metric = instantiate("metric", ComponentSpec(name))
    return metric
