"""Constrained optimisation with Adam: steps may leave the budget and are brought back by the loss.

    FTDA               up the objective while inside the cap, straight back to the source while out
    Carlini & Wagner   up objective - weight * size at once; the weight is searched

Both bound the summed squared change (budgets in l2 and mse). The best picture that kept the budget
when the objective was looked at is returned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.pgd import Steps, StepSize
from attacks.gradient.search import GradientSearch, Iterate
from attacks.optim import Adam, lengths, unit
from bench.attack import AttackResult, Need, Target
from bench.budget import EUCLIDEAN, Budget, Linf


@dataclass(frozen=True)
class FTDA:
    """Fast threshold-constrained distortion attack (Chen & Ma 2021, arXiv 2112.08691).

    Where the squared change is above the budget, Adam follows it down, and the codec is not asked
    (of a batch, where that holds for every picture); otherwise Adam follows the objective up. Chen
    & Ma's objective is the error against C(x), `{name: distortion, reference: clean}`, their cap an
    MSE of 1e-4; here any objective will do, and so both gradients are taken at unit length before
    Adam sees them. Where the search ended is brought into the budget and looked at, too.

    Args:
        steps: how many; those from outside the cap ask the codec nothing.
        lr: Adam's learning rate, of pictures in [0, 1].
        clamp: largest change of any value, in levels, as well as the budget's cap; Chen & Ma
            have 16. None leaves it out.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 2

    steps: Steps = 1001
    lr: StepSize = 0.01
    clamp: Annotated[int, Field(ge=1)] | None = None

    @property
    def evaluations(self) -> int:
        """One gradient a step, if the change alone decided none, those of the start, one value."""
        return self.steps + 3

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from the source pictures."""
        room = _room(budget) if self.clamp is None else Linf(self.clamp, region=budget.region)
        climb = GradientSearch(target, images, budget)
        start = climb.start(rngs, room)
        adam, heading = Adam(start.images, self.lr), unit(start.gradients)
        for _ in range(self.steps):
            adam.step(heading)
            adam.move(room.project(adam.images, images))
            heading = _heading(climb, adam.images)
        climb.glance(climb.project(adam.images))
        return climb.result()


def _heading(climb: GradientSearch, images: Tensor) -> Tensor:
    """Return the way up the objective inside the budget, and back to the source outside."""
    back = climb.source - images
    inside = climb.budget.size(images, climb.source) <= climb.budget.radius
    if not inside.any():
        return unit(back)
    wide = inside.view(-1, 1, 1, 1)
    point = climb.step(torch.where(wide, images, climb.source))
    return unit(torch.where(wide, point.gradients, back))


@dataclass(frozen=True)
class CarliniWagner:
    """The Lagrangian attack of Carlini & Wagner (2017, arXiv 1608.04644), for a given budget.

    Adam follows objective - weight * ||change||^2 / radius^2, the objective divided by its
    steepness at the start. The weight begins where the two then balance on the sphere, moves by
    tenfold until one search ends inside the budget and one outside, and is bisected, in
    logarithms, from there on; for each picture by itself. Where a search ended is brought into the
    budget and looked at, too. Values are clipped to [0, 1]; the original's change of variables
    would hold values at 0 and 255 where they are.

    Args:
        steps: how many, of each weight.
        searches: how many weights.
        step_size: Adam's learning rate, as a share of what the budget lets all values change by
            at once.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN
    version: ClassVar[int] = 1

    steps: Steps = 100
    searches: Annotated[int, Field(ge=1)] = 5
    step_size: StepSize = 0.1

    @property
    def evaluations(self) -> int:
        """One gradient a step and one value, of each weight, and the gradients of the start."""
        return (self.steps + 1) * self.searches + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from the source pictures."""
        climb = GradientSearch(target, images, budget)
        start = climb.start(rngs)
        weights = _Weights(lengths(_uniform(climb)) / 2)
        for _ in range(self.searches):
            found = self._search(climb, start, weights.now)
            climb.glance(climb.project(found))
            inside = budget.size(found, images) <= budget.radius
            weights.learn(inside.view(-1, 1, 1, 1))
        return climb.result()

    def _search(self, climb: GradientSearch, start: Iterate, weights: Tensor) -> Tensor:
        """Return where Adam ends with one weight for each picture, inside the budget or not."""
        pull = 2 * weights / lengths(_uniform(climb)) ** 2
        steepness = lengths(start.gradients)
        adam = Adam(start.images, self.step_size * float(_uniform(climb).amax()))
        gradients = start.gradients
        for _ in range(self.steps):
            adam.step(gradients / steepness - pull * (adam.images - climb.source))
            adam.move(_room(climb.budget).project(adam.images, climb.source))
            gradients = climb.step(adam.images).gradients
        return adam.images


class _Weights:
    """One weight for each picture, (B, 1, 1, 1): larger than what was too small, and vice versa."""

    def __init__(self, first: Tensor) -> None:
        self.now = first
        self._small = torch.zeros_like(first)
        self._large = torch.full_like(first, torch.inf)

    def learn(self, ended_inside: Tensor) -> None:
        """Note on which side of the budget each search ended, and choose the next weights."""
        self._large = torch.where(ended_inside, self.now, self._large)
        self._small = torch.where(ended_inside, self._small, self.now)
        tenfold = torch.where(ended_inside, self.now / 10, self.now * 10)
        bracketed = (self._small > 0) & self._large.isfinite()
        self.now = torch.where(bracketed, (self._small * self._large).sqrt(), tenfold)


def _room(budget: Budget) -> Budget:
    """Return what of a budget is always kept: its region and [0, 1], not its radius."""
    return replace(budget, radius=math.inf)


def _uniform(climb: GradientSearch) -> Tensor:
    """Return the change of full radius that is the same for all values."""
    return climb.budget.steepest(torch.ones_like(climb.source))
