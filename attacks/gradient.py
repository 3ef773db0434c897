"""White-box ascent inside a ball: FGSM, I-FGSM and PGD.

One loop serves the three. A step moves by a share of the budget's radius in the steepest
direction of its norm (the gradient's sign in linf, the normalised gradient in l2) and is projected
back. The best picture seen is returned, not the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from bench.attack import AttackResult, Need, Target
from bench.budget import Budget

Steps = Annotated[int, Field(ge=1)]
StepSize = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class FGSM:
    """Fast gradient sign method: one step of the full radius (Goodfellow et al. 2015)."""

    needs: ClassVar[Need] = "gradient"
    version: ClassVar[int] = 2

    @property
    def evaluations(self) -> int:
        """The gradient, and the value of what it led to."""
        return 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Step once from the source pictures."""
        del rngs
        return ascend(target, images, images, budget, steps=1, step_size=1.0)


@dataclass(frozen=True)
class IFGSM:
    """Iterated FGSM from the source picture, also called BIM (Kurakin et al. 2017).

    Args:
        steps: how many.
        step_size: of each, as a share of the budget's radius.
    """

    needs: ClassVar[Need] = "gradient"
    version: ClassVar[int] = 2

    steps: Steps = 60
    step_size: StepSize = 0.25

    @property
    def evaluations(self) -> int:
        """One gradient a step, and the last value."""
        return self.steps + 1

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from the source pictures."""
        del rngs
        return ascend(target, images, images, budget, steps=self.steps, step_size=self.step_size)


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent from random starts (Madry et al. 2018).

    Args:
        steps: how many, of each restart.
        step_size: of each, as a share of the budget's radius.
        restarts: how many random starts; the best picture of all is kept.
    """

    needs: ClassVar[Need] = "gradient"
    version: ClassVar[int] = 2

    steps: Steps = 60
    step_size: StepSize = 0.25
    restarts: Annotated[int, Field(ge=1)] = 1

    @property
    def evaluations(self) -> int:
        """One gradient a step, and the last value, of each restart."""
        return (self.steps + 1) * self.restarts

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from random points of the ball."""
        starts = (budget.sample(images, rngs) for _ in range(self.restarts))
        return best_of(
            [
                ascend(target, start, images, budget, steps=self.steps, step_size=self.step_size)
                for start in starts
            ]
        )


def ascend(
    target: Target, start: Tensor, source: Tensor, budget: Budget, *, steps: int, step_size: float
) -> AttackResult:
    """Climb the target from `start` inside the budget around `source`.

    Returns:
        The best pictures seen and the values (steps + 1, B) on the way to them.
    """
    images, best = start, start
    trace: list[Tensor] = []
    for _ in range(steps):
        values, gradients = target.value_and_grad(images)
        best = _better(best, images, trace, values)
        images = budget.project(images + budget.steepest(gradients) * step_size, source)
    best = _better(best, images, trace, target.value(images))
    return AttackResult(best, torch.stack(trace))


def best_of(results: Sequence[AttackResult]) -> AttackResult:
    """Return for each picture the result whose trace reached highest; traces are joined."""
    best, reached = results[0].images, _peak(results[0].trace)
    for result in results[1:]:
        peak = _peak(result.trace)
        best = torch.where((peak > reached).view(-1, 1, 1, 1), result.images, best)
        reached = torch.maximum(peak, reached)
    return AttackResult(best, torch.cat([result.trace for result in results]))


def _better(best: Tensor, images: Tensor, trace: list[Tensor], values: Tensor) -> Tensor:
    """Return the better of two batches, picture by picture, and note the values in the trace."""
    reached = _peak(torch.stack(trace)) if trace else values.new_full(values.shape, -torch.inf)
    trace.append(values)
    return torch.where((values > reached).view(-1, 1, 1, 1), images, best)


def _peak(trace: Tensor) -> Tensor:
    """Return the largest value of each picture; one that is not a number is none."""
    return trace.masked_fill(trace.isnan(), -torch.inf).amax(0)
