"""Constrained optimisation with Adam: steps may leave the budget, and the loss leads them back.

    FTDA               ascends the objective inside the budget, returns to the source outside
    Carlini & Wagner   ascends objective - weight * size; searches the weight

Both limit the summed squared perturbation (budgets in l2 and mse). The result is the best evaluated
picture inside the budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import GradientAttack, Steps, StepSize
from attacks.gradient.search import GradientSearch, Iterate
from attacks.optim import Adam, normalised, norms
from bench.budget import EUCLIDEAN, Budget, Linf


@dataclass(frozen=True)
class FTDA(GradientAttack):
    """Fast threshold-constrained distortion attack (Chen & Ma 2021, arXiv 2112.08691).

    Outside the budget, Adam descends the squared perturbation, and the target is not evaluated
    (in a batch, if all pictures are outside). Inside, Adam ascends the objective. Chen & Ma's
    objective is the error against C(x), `{name: distortion, reference: clean}`, and their budget an
    MSE of 1e-4. Here any objective is allowed; therefore both gradients are normalised before Adam
    uses them. The final picture is also projected onto the budget and evaluated.

    Args:
        steps: number of steps; steps from outside the budget need no evaluation.
        lr: Adam's learning rate, for pictures in [0, 1].
        clamp: largest change of any value, in 8-bit levels, in addition to the budget; Chen & Ma
            use 16. None sets no limit.
    """

    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 2

    steps: Steps = 1001
    lr: StepSize = 0.01
    clamp: Annotated[int, Field(ge=1)] | None = None

    @property
    def evaluations(self) -> int:
        """At most one gradient per step, the gradients of the start, and the last value."""
        return self.steps + 3

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        region = search.budget.region
        space = _unbounded(search.budget) if self.clamp is None else Linf(self.clamp, region=region)
        start = search.start(rngs, space)
        adam, direction = Adam(start.images, self.lr), normalised(start.gradients)
        for _ in range(self.steps):
            adam.step(direction)
            adam.move(space.project(adam.images, search.source))
            direction = _direction(search, adam.images)
        search.evaluate(search.project(adam.images))


def _direction(search: GradientSearch, images: Tensor) -> Tensor:
    """Return the objective's gradient inside the budget, the way to the source outside; norm 1."""
    back = search.source - images
    inside = search.budget.size(images, search.source) <= search.budget.radius
    if not inside.any():
        return normalised(back)
    mask = inside.view(-1, 1, 1, 1)
    iterate = search.step(torch.where(mask, images, search.source))
    return normalised(torch.where(mask, iterate.gradients, back))


@dataclass(frozen=True)
class CarliniWagner(GradientAttack):
    """The Lagrangian attack of Carlini & Wagner (2017, arXiv 1608.04644), for a fixed budget.

    Adam ascends objective - weight * ||perturbation||^2 / radius^2, where the objective is divided
    by the norm of its gradient at the start. Each picture has its own weight. The first weight
    balances the two terms on the budget's sphere. The weight then changes by factors of ten until
    one search has ended inside the budget and one outside, and is bisected on a logarithmic scale
    from there on. The final picture of each search is also projected onto the budget and evaluated.
    Values are clipped to [0, 1]; the original's change of variables would freeze values at 0 and
    255.

    Args:
        steps: number of steps per weight.
        searches: number of weights.
        step_size: Adam's learning rate, relative to the largest change that the budget allows of
            all values at once.
    """

    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 1

    steps: Steps = 100
    searches: Annotated[int, Field(ge=1)] = 5
    step_size: StepSize = 0.1

    @property
    def evaluations(self) -> int:
        """Per weight, one gradient per step and one value; and the gradients of the start."""
        return (self.steps + 1) * self.searches + 2

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        start = search.start(rngs)
        weights = _Weights(norms(_uniform(search)) / 2)
        for _ in range(self.searches):
            images = self._maximise(search, start, weights.current)
            search.evaluate(search.project(images))
            inside = search.budget.size(images, search.source) <= search.budget.radius
            weights.update(inside.view(-1, 1, 1, 1))

    def _maximise(self, search: GradientSearch, start: Iterate, weights: Tensor) -> Tensor:
        """Return Adam's final pictures for one weight per picture, inside the budget or not."""
        pull = 2 * weights / norms(_uniform(search)) ** 2
        steepness = norms(start.gradients)
        adam = Adam(start.images, self.step_size * float(_uniform(search).amax()))
        gradients = start.gradients
        for _ in range(self.steps):
            adam.step(gradients / steepness - pull * (adam.images - search.source))
            adam.move(_unbounded(search.budget).project(adam.images, search.source))
            gradients = search.step(adam.images).gradients
        return adam.images


class _Weights:
    """The search for one weight per picture, (B, 1, 1, 1)."""

    def __init__(self, first: Tensor) -> None:
        self.current = first
        self._small = torch.zeros_like(first)
        self._large = torch.full_like(first, torch.inf)

    def update(self, ended_inside: Tensor) -> None:
        """Choose the next weights, given which searches ended inside the budget."""
        self._large = torch.where(ended_inside, self.current, self._large)
        self._small = torch.where(ended_inside, self._small, self.current)
        tenfold = torch.where(ended_inside, self.current / 10, self.current * 10)
        bracketed = (self._small > 0) & self._large.isfinite()
        self.current = torch.where(bracketed, (self._small * self._large).sqrt(), tenfold)


def _unbounded(budget: Budget) -> Budget:
    """Return the budget with an infinite radius: only its region and [0, 1] remain limits."""
    return replace(budget, radius=math.inf)


def _uniform(search: GradientSearch) -> Tensor:
    """Return the perturbation of full radius that is equal for all values, (B, 3, H, W)."""
    return search.budget.steepest(torch.ones_like(search.source))
