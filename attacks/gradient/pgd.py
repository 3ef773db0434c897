"""White-box ascent inside a ball with steps of one size: FGSM, I-FGSM, MI-FGSM and PGD.

One loop serves the four. A step moves by a share of the budget's radius in the steepest direction
of its norm (the gradient's sign in linf, the normalised gradient in l2) and is projected back. The
best picture seen is returned, not the last one.

The three that begin at the source picture begin at a random one where that has no gradient
(`attacks.gradient.search`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.search import GradientSearch, Iterate
from attacks.optim import unit
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

Steps: TypeAlias = Annotated[int, Field(ge=1)]
StepSize: TypeAlias = Annotated[float, Field(gt=0)]
Restarts: TypeAlias = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class FGSM:
    """Fast gradient sign method: one step of the full radius (Goodfellow et al. 2015)."""

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 3

    @property
    def evaluations(self) -> int:
        """The gradient, a second one where the first was zero, and the value of where it led."""
        return 3

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Step once from the source pictures."""
        climb = GradientSearch(target, images, budget)
        ascend(climb, climb.start(rngs), steps=1, step_size=1.0)
        return climb.result()


@dataclass(frozen=True)
class IFGSM:
    """Iterated FGSM from the source picture, also called BIM (Kurakin et al. 2017).

    Args:
        steps: how many.
        step_size: of each, as a share of the budget's radius.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 3

    steps: Steps = 60
    step_size: StepSize = 0.25

    @property
    def evaluations(self) -> int:
        """One gradient a step, one more where the first was zero, and the last value."""
        return self.steps + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from the source pictures."""
        climb = GradientSearch(target, images, budget)
        ascend(climb, climb.start(rngs), steps=self.steps, step_size=self.step_size)
        return climb.result()


@dataclass(frozen=True)
class MIFGSM:
    """Momentum iterated FGSM from the source picture (Dong et al. 2018).

    A step follows the sum of all gradients so far, each divided by its l1 norm, the older ones
    weighted down.

    Args:
        steps: how many.
        step_size: of each, as a share of the budget's radius; Dong et al. take 1 / steps, which
            found less on a trained codec.
        decay: what the sum of the gradients before is multiplied with at each step.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    steps: Steps = 60
    step_size: StepSize = 0.25
    decay: Annotated[float, Field(ge=0)] = 1.0

    @property
    def evaluations(self) -> int:
        """One gradient a step, one more where the first was zero, and the last value."""
        return self.steps + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from the source pictures."""
        climb = GradientSearch(target, images, budget)
        point = climb.start(rngs)
        ascend(climb, point, steps=self.steps, step_size=self.step_size, decay=self.decay)
        return climb.result()


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent from random starts (Madry et al. 2018).

    Args:
        steps: how many, of each restart.
        step_size: of each, as a share of the budget's radius.
        restarts: how many random starts; the best picture of all is kept.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 3

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
        """Ascend from random points of the ball."""
        climb = GradientSearch(target, images, budget)
        for _ in range(self.restarts):
            point = climb.step(budget.sample(images, rngs))
            ascend(climb, point, steps=self.steps, step_size=self.step_size)
        return climb.result()


def ascend(
    climb: GradientSearch, point: Iterate, *, steps: int, step_size: float, decay: float = 0.0
) -> None:
    """Take steps of one size from a point, staying inside the budget.

    Args:
        climb: sees every picture on the way.
        point: where to begin.
        steps: how many.
        step_size: as a share of the budget's radius.
        decay: what remains of the direction before at each step; 0 is the gradient alone.
    """
    direction = torch.zeros_like(point.gradients)
    for left in reversed(range(steps)):
        direction = decay * direction + unit(point.gradients, order=1)
        images = climb.project(point.images + climb.budget.steepest(direction) * step_size)
        if left:
            point = climb.step(images)
        else:
            climb.glance(images)
