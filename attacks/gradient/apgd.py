"""Auto-PGD: gradient ascent that adapts its step size (Croce & Hein 2020, arXiv 2003.01690).

`ShrinkingAPGD` begins in a larger ball and shrinks it to the budget (Croce & Hein 2021, arXiv
2103.01208, who use it in l1 balls). A decoder can break down only in the larger ball; the search
keeps as much of that as fits into the budget.

The first step is twice the radius. At checkpoints, which become more frequent, the step size of
each picture without enough progress is halved and its search returns to its best point. The number
of steps is the only parameter to tune.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import RestartedAttack, Restarts, Steps
from attacks.gradient.search import GradientSearch, Iterate
from bench.budget import Budget, Linf

_FIRST_STEP = 2.0
_FIRST_INTERVAL, _SHRINKAGE, _LEAST_INTERVAL = 0.22, 0.03, 0.06
_RISES = 0.75
_MOMENTUM = 0.75

_LARGER_BALLS, _SHARE = 2, 0.3
"""The number of balls before the budget itself, and the share of the steps in each of them."""

_FIRST_LINF, _FIRST_SQUARED = 2.0, 8.0
"""The radius of the first ball, as a multiple of the budget's."""


@dataclass(frozen=True)
class APGD(RestartedAttack):
    """Auto-PGD from random starts; every picture of a batch has its own step size.

    Args:
        steps: number of steps per restart.
        restarts: number of random starts; the best picture of all is returned.
    """

    version: ClassVar[int] = 1

    steps: Steps = 100
    restarts: Restarts = 1

    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        ascend_from(search, search.step(images), self.steps)


def ascend_from(search: GradientSearch, start: Iterate, steps: int) -> None:
    """Run one ascent of Auto-PGD from evaluated pictures; `search` keeps the best ones.

    It evaluates one gradient less than `steps`, and one value.
    """
    _Ascent(search, start).run(steps)


@dataclass(frozen=True)
class ShrinkingAPGD(RestartedAttack):
    """Auto-PGD in balls that shrink to the budget, with 30, 30 and 40 % of the steps.

    The second ball has the geometric mean of the radii of the first and the last one, which is the
    budget. Each ascent starts from the best point of the one before, projected onto its ball. Only
    pictures inside the budget itself count.

    Args:
        steps: number of steps per restart.
        restarts: number of random starts; the best picture of all is returned.
        first_radius: radius of the first ball, as a multiple of the budget's. By default 2 in linf,
            and 8 in budgets that limit the squared perturbation, where a perturbation can gather in
            one place.
    """

    version: ClassVar[int] = 1

    steps: Steps = 100
    restarts: Restarts = 1
    first_radius: Annotated[float, Field(ge=1)] | None = None

    @property
    def evaluations(self) -> int:
        """Per restart, one gradient per step and two evaluations for each larger ball, and one."""
        return (self.steps + 1 + 2 * _LARGER_BALLS) * self.restarts

    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        start, remaining = search.step(search.project(images)), self.steps
        steps = round(_SHARE * self.steps)
        for factor in self._factors(search.budget) if steps else ():
            start = _after(search, factor, start, steps)
            remaining -= steps
        _Ascent(search, start).run(remaining)

    def _factors(self, budget: Budget) -> tuple[float, float]:
        """Return the radii of the larger balls as multiples of the budget's."""
        first = self.first_radius or (_FIRST_LINF if budget.kind == Linf.kind else _FIRST_SQUARED)
        return first, math.sqrt(first)


def _after(search: GradientSearch, factor: float, start: Iterate, steps: int) -> Iterate:
    """Return where the next ascent starts after one in a ball that is `factor` times as large."""
    larger = GradientSearch(search.target, search.source, search.budget.scaled(factor))
    _Ascent(larger, start).run(steps)
    return search.step(search.project(larger.result().images))


def checkpoints(steps: int) -> Iterator[tuple[int, int]]:
    """Yield each step after which progress is checked, and the number of steps since the last."""
    interval, shrinkage, least = (
        max(int(share * steps), 1) for share in (_FIRST_INTERVAL, _SHRINKAGE, _LEAST_INTERVAL)
    )
    step = interval
    while step < steps:
        yield step, interval
        interval = max(interval - shrinkage, least)
        step += interval


class _Ascent:
    """One ascent from one start."""

    def __init__(self, search: GradientSearch, start: Iterate) -> None:
        self._search = search
        self._previous = start.images
        self._current = self._best = start
        self._step_size = torch.full_like(start.values, _FIRST_STEP)
        self._rises = torch.zeros_like(start.values)
        self._halved = torch.zeros_like(start.values, dtype=torch.bool)
        self._best_at_checkpoint = start.values

    def run(self, steps: int) -> None:
        intervals = dict(checkpoints(steps))
        for step in range(1, steps):
            self._advance(1.0 if step == 1 else _MOMENTUM)
            if step in intervals:
                self._check_progress(intervals[step])
        self._search.evaluate(self._next_images(1.0 if steps == 1 else _MOMENTUM))

    def _next_images(self, share: float) -> Tensor:
        """Return `share` of the gradient step plus the rest of the previous move, projected."""
        images, size = self._current.images, self._step_size.view(-1, 1, 1, 1)
        step = self._search.budget.steepest(self._current.gradients) * size
        ahead = self._search.project(images + step)
        inertia = images - self._previous
        return self._search.project(images + share * (ahead - images) + (1 - share) * inertia)

    def _advance(self, share: float) -> None:
        iterate = self._search.step(self._next_images(share))
        self._rises += iterate.values > self._current.values
        self._previous, self._current = self._current.images, iterate
        self._best = iterate.where(iterate.values > self._best.values, self._best)

    def _check_progress(self, interval: int) -> None:
        """Halve the step size where too few steps rose, or where neither it nor the best changed.

        The search of these pictures continues from their best points.
        """
        seldom = self._rises < _RISES * interval
        halve = seldom | (~self._halved & (self._best.values <= self._best_at_checkpoint))
        self._step_size = torch.where(halve, self._step_size / 2, self._step_size)
        self._current = self._best.where(halve, self._current)
        self._halved, self._best_at_checkpoint = halve, self._best.values
        self._rises = torch.zeros_like(self._rises)
