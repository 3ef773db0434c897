"""MADC: gradient ascent on the sphere of pictures at one distance from the source.

After maximum differentiation competition (Wang & Simoncelli 2008, doi.org/10.1167/8.12.8), which
looks for the pictures that one measure cannot tell apart, here the squared error against the
source, and another tells apart most, here the objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.gradient.pgd import Restarts, Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import without
from bench.attack import AttackResult, Need, Target
from bench.budget import EUCLIDEAN, Budget

_BEYOND = 2.0
"""How far a picture is pushed outwards before it is brought back to the sphere."""


@dataclass(frozen=True)
class MADC:
    """Ascent along the sphere around the source whose radius is the budget's, in its unit.

    Each step takes from the gradient what points away from the source, moves along the rest and
    returns to the sphere, or as near to it as values at 0 and 255 let it come.

    Args:
        steps: how many, of each restart.
        step_size: what a gradient along the sphere moves the picture by, as a share of the radius.
        restarts: how many random starts on the sphere; the best picture of all is kept.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 1

    steps: Steps = 60
    step_size: StepSize = 0.25
    restarts: Restarts = 1

    @property
    def evaluations(self) -> int:
        """One gradient a step, and the last value, of each restart."""
        return (self.steps + 1) * self.restarts

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from random points of the sphere."""
        climb = GradientSearch(target, images, budget)
        for _ in range(self.restarts):
            self._ascend(climb, _on_sphere(climb, budget.sample(images, rngs)))
        return climb.result()

    def _ascend(self, climb: GradientSearch, images: Tensor) -> None:
        for _ in range(self.steps):
            uphill = climb.budget.steepest(climb.step(images).gradients)
            along = without(uphill, images - climb.source)
            images = _on_sphere(climb, images + self.step_size * along)
        climb.glance(images)


def _on_sphere(climb: GradientSearch, images: Tensor) -> Tensor:
    outwards = climb.budget.steepest(images - climb.source)
    return climb.project(climb.source + _BEYOND * outwards)
