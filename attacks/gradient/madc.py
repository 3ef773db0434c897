"""MADC: gradient ascent on the sphere of pictures at a fixed distance from the source.

The attack follows maximum differentiation competition (Wang & Simoncelli 2008,
doi.org/10.1167/8.12.8). That method searches for pictures that one measure cannot distinguish and
another measure distinguishes most. Here the first measure is the squared error against the source,
and the second is the objective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from attacks.gradient.base import RestartedAttack, Restarts, Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import orthogonal_part
from bench.budget import EUCLIDEAN

_OVERSHOOT = 2.0
"""Distance from the source before the projection onto the sphere, in radii."""


@dataclass(frozen=True)
class MADC(RestartedAttack):
    """Ascent along the sphere around the source with the budget's radius.

    Each step removes the radial component of the gradient, moves along the tangential one, and
    projects back onto the sphere, or as close to it as the limits 0 and 255 allow.

    Args:
        steps: number of steps per restart.
        step_size: size of a step for a purely tangential gradient, as a share of the radius.
        restarts: number of random starts on the sphere; the best picture of all is returned.
    """

    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 1

    steps: Steps = 60
    step_size: StepSize = 0.25
    restarts: Restarts = 1

    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        images = _on_sphere(search, images)
        for _ in range(self.steps):
            uphill = search.budget.steepest(search.step(images).gradients)
            tangential = orthogonal_part(uphill, images - search.source)
            images = _on_sphere(search, images + self.step_size * tangential)
        search.evaluate(images)


def _on_sphere(search: GradientSearch, images: Tensor) -> Tensor:
    radial = search.budget.steepest(images - search.source)
    return search.project(search.source + _OVERSHOOT * radial)
