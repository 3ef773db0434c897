"""Gradient ascent with a fixed step size: FGSM, I-FGSM, MI-FGSM and PGD.

All four share one loop. A step moves by a share of the budget's radius in the steepest direction of
the budget's norm (the gradient's sign in linf, the normalised gradient in l2), and the result is
projected onto the budget. The best evaluated picture is returned, not the last one.

FGSM, I-FGSM and MI-FGSM start at the source picture, or at a random picture where the gradient at
the source is zero (`attacks.gradient.search`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import GradientAttack, RestartedAttack, Restarts, Steps, StepSize
from attacks.gradient.search import GradientSearch, Iterate
from attacks.optim import normalised


@dataclass(frozen=True)
class FGSM(GradientAttack):
    """Fast gradient sign method: one step of the full radius.

    Goodfellow et al. 2015, arXiv 1412.6572.
    """

    version: ClassVar[int] = 3

    @property
    def evaluations(self) -> int:
        """The gradient, a second one if the first is zero, and the value after the step."""
        return 3

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        ascend(search, search.start(rngs), steps=1, step_size=1.0)


@dataclass(frozen=True)
class IFGSM(GradientAttack):
    """Iterated FGSM from the source picture, also called BIM.

    Kurakin et al. 2017, arXiv 1607.02533.

    Args:
        steps: number of steps.
        step_size: size of a step, as a share of the budget's radius.
    """

    version: ClassVar[int] = 3

    steps: Steps = 60
    step_size: StepSize = 0.25

    @property
    def evaluations(self) -> int:
        """One gradient per step, a second one if the first is zero, and the last value."""
        return self.steps + 2

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        ascend(search, search.start(rngs), steps=self.steps, step_size=self.step_size)


@dataclass(frozen=True)
class MIFGSM(IFGSM):
    """Momentum iterated FGSM from the source picture (Dong et al. 2018, arXiv 1710.06081).

    A step follows the decayed sum of all gradients so far, each divided by its l1 norm.

    Args:
        steps: number of steps.
        step_size: size of a step, as a share of the budget's radius. Dong et al. use 1 / steps,
            which found less on a trained codec.
        decay: factor of the previous sum at each step.
    """

    version: ClassVar[int] = 1

    decay: Annotated[float, Field(ge=0)] = 1.0

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        start = search.start(rngs)
        ascend(search, start, steps=self.steps, step_size=self.step_size, decay=self.decay)


@dataclass(frozen=True)
class PGD(RestartedAttack):
    """Projected gradient descent from random starts (Madry et al. 2018, arXiv 1706.06083).

    Args:
        steps: number of steps per restart.
        step_size: size of a step, as a share of the budget's radius.
        restarts: number of random starts; the best picture of all is returned.
    """

    version: ClassVar[int] = 3

    steps: Steps = 60
    step_size: StepSize = 0.25
    restarts: Restarts = 1

    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        ascend(search, search.step(images), steps=self.steps, step_size=self.step_size)


def ascend(
    search: GradientSearch, iterate: Iterate, *, steps: int, step_size: float, decay: float = 0.0
) -> None:
    """Take steps of a fixed size, staying inside the budget.

    Args:
        search: evaluates every picture.
        iterate: the start.
        steps: number of steps.
        step_size: size of a step, as a share of the budget's radius.
        decay: factor of the previous direction at each step; 0 follows the gradient alone.
    """
    direction = torch.zeros_like(iterate.gradients)
    for remaining in reversed(range(steps)):
        direction = decay * direction + normalised(iterate.gradients, order=1)
        images = search.project(iterate.images + search.budget.steepest(direction) * step_size)
        if remaining:
            iterate = search.step(images)
        else:
            search.evaluate(images)
