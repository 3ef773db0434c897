"""Auto-PGD (Croce & Hein 2020, arXiv 2003.01690): ascent that finds its own step size.

It begins with a step of twice the radius. At checkpoints that come ever more often, a picture whose
search did not get on has its step halved and goes back to its best point. There is nothing to tune
but the number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.gradient.pgd import Restarts, Steps
from attacks.gradient.search import GradientSearch, Iterate
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

_FIRST_STEP = 2.0
_FIRST_INTERVAL, _SHRINKAGE, _LEAST_INTERVAL = 0.22, 0.03, 0.06
_RISES = 0.75
_MOMENTUM = 0.75


@dataclass(frozen=True)
class APGD:
    """Auto-PGD from random starts; every picture of a batch has a step size of its own.

    Args:
        steps: how many, of each restart.
        restarts: how many random starts; the best picture of all is kept.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    steps: Steps = 100
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
            _Run(climb, climb.step(budget.sample(images, rngs))).go(self.steps)
        return climb.result()


def checkpoints(steps: int) -> Iterator[tuple[int, int]]:
    """Yield after how many steps a search is judged, and how many steps the judgement is of."""
    interval, shrinkage, least = (
        max(int(share * steps), 1) for share in (_FIRST_INTERVAL, _SHRINKAGE, _LEAST_INTERVAL)
    )
    at = interval
    while at < steps:
        yield at, interval
        interval = max(interval - shrinkage, least)
        at += interval


class _Run:
    """One ascent from one point."""

    def __init__(self, climb: GradientSearch, start: Iterate) -> None:
        self._climb = climb
        self._before = start.images
        self._point = self._best = start
        self._step_size = torch.full_like(start.values, _FIRST_STEP)
        self._rises = torch.zeros_like(start.values)
        self._halved = torch.zeros_like(start.values, dtype=torch.bool)
        self._reached = start.values

    def go(self, steps: int) -> None:
        judged = dict(checkpoints(steps))
        for step in range(1, steps):
            self._advance(1.0 if step == 1 else _MOMENTUM)
            if step in judged:
                self._judge(judged[step])
        self._climb.glance(self._ahead(1.0 if steps == 1 else _MOMENTUM))

    def _ahead(self, share: float) -> Tensor:
        """Return the next pictures: a share of the gradient's step, the rest of the last move."""
        images, size = self._point.images, self._step_size.view(-1, 1, 1, 1)
        step = self._climb.budget.steepest(self._point.gradients) * size
        aimed = self._climb.project(images + step)
        inertia = images - self._before
        return self._climb.project(images + share * (aimed - images) + (1 - share) * inertia)

    def _advance(self, share: float) -> None:
        point = self._climb.step(self._ahead(share))
        self._rises += point.values > self._point.values
        self._before, self._point = self._point.images, point
        self._best = point.where(point.values > self._best.values, self._best)

    def _judge(self, interval: int) -> None:
        """Halve the step where the values rose too seldom, or neither step nor best changed."""
        seldom = self._rises < _RISES * interval
        halve = seldom | (~self._halved & (self._best.values <= self._reached))
        self._step_size = torch.where(halve, self._step_size / 2, self._step_size)
        self._point = self._best.where(halve, self._point)
        self._halved, self._reached = halve, self._best.values
        self._rises = torch.zeros_like(self._rises)
