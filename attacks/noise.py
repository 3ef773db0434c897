"""Noise, what an attack must beat to be called one: drawn blindly, or the best of many draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.query.search import Queries, QuerySearch
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

_AT_ONCE = 8
"""Draws of each picture that are in memory at a time."""


@dataclass(frozen=True)
class UniformNoise:
    """A picture drawn uniformly from the budget's ball."""

    needs: ClassVar[Need] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 2
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        return AttackResult(budget.sample(images, rngs), images.new_empty(0, len(images)))


@dataclass(frozen=True)
class SignNoise:
    """The full radius in a random direction, the loudest noise.

    In linf every value moves by the radius up or down, a fair coin each. In l2 and mse the
    direction is uniform on the sphere: moves of one size would all be rounded to the same side.
    """

    needs: ClassVar[Need] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 2
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        return AttackResult(_loudest(images, budget, rngs), images.new_empty(0, len(images)))


@dataclass(frozen=True)
class GaussianNoise:
    """Independent Gaussian noise on every value, brought into the budget.

    Args:
        sigma: its standard deviation, as a share of what the budget lets all values change by at
            once: the radius in linf, the radius by the root of the number of values in l2. At 1,
            a third of the values is clipped in linf, and l2 and mse have the whole radius.
    """

    needs: ClassVar[Need] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0

    sigma: Annotated[float, Field(gt=0)] = 1.0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        size = self.sigma * budget.steepest(torch.ones_like(images))
        noisy = budget.project(images + size * _normal(images, rngs), images)
        return AttackResult(noisy, images.new_empty(0, len(images)))


@dataclass(frozen=True)
class BestNoise:
    """The best of many draws of the loudest noise, by queries.

    A search that finds less with as many queries is worth nothing.

    Args:
        queries: how many pictures may be really coded, one a draw.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 2

    queries: Queries = 100

    @property
    def evaluations(self) -> int:
        """Every query."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw, ask, and keep the best."""
        probe = QuerySearch(target, images, budget)
        for asked in range(0, self.queries, _AT_ONCE):
            count = min(_AT_ONCE, self.queries - asked)
            probe.evaluate(torch.stack([_loudest(images, budget, rngs) for _ in range(count)]))
        return probe.result()


def _loudest(images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
    return budget.project(images + budget.steepest(_normal(images, rngs)), images)


def _normal(images: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
    shape = images.shape[1:]
    drawn = [torch.randn(shape, generator=rng, device=rng.device) for rng in rngs]
    return torch.stack(drawn).to(images)
