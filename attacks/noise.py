"""Random noise, the baseline of every attack: one random draw, or the best of many draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.query.base import Queries, QueryAttack
from attacks.query.search import QuerySearch, standard_normal
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

_DRAWS_AT_ONCE = 8
"""Draws per picture that are in memory at the same time."""


class _RandomDraw(ABC):
    """One random draw per picture; it never evaluates the target."""

    needs: ClassVar[Need] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int]
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture for each source picture, inside the budget."""
        del target
        return AttackResult(self._draw(images, budget, rngs), images.new_empty(0, len(images)))

    @abstractmethod
    def _draw(self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return one picture for each source picture, float (B, 3, H, W), inside the budget."""


@dataclass(frozen=True)
class UniformNoise(_RandomDraw):
    """A picture drawn uniformly from the budget's ball."""

    version: ClassVar[int] = 2

    def _draw(self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
        return budget.sample(images, rngs)


@dataclass(frozen=True)
class SignNoise(_RandomDraw):
    """The full radius in a random direction: the strongest noise of a budget.

    In linf every value moves up or down by the radius with equal probability. In l2 and mse the
    direction is uniform on the sphere, because moves of equal size would all be rounded the same
    way.
    """

    version: ClassVar[int] = 2

    def _draw(self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
        return _full_radius_noise(images, budget, rngs)


@dataclass(frozen=True)
class GaussianNoise(_RandomDraw):
    """Independent Gaussian noise on every value, projected into the budget.

    Args:
        sigma: the standard deviation relative to the largest change that the budget allows of all
            values at once: the radius in linf, the radius divided by the square root of the number
            of values in l2. At 1, a third of the values is clipped in linf, and the noise uses the
            whole radius in l2 and mse.
    """

    version: ClassVar[int] = 1

    sigma: Annotated[float, Field(gt=0)] = 1.0

    def _draw(self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
        size = self.sigma * budget.steepest(torch.ones_like(images))
        return budget.project(images + size * _normal(images, rngs), images)


@dataclass(frozen=True)
class BestNoise(QueryAttack):
    """The best of many draws of the strongest noise, by queries.

    A query attack must find more than this with the same number of queries.

    Args:
        queries: the number of draws, each encoded and decoded once.
    """

    version: ClassVar[int] = 2

    queries: Queries = 100

    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        images, budget = search.source, search.budget
        for done in range(0, self.queries, _DRAWS_AT_ONCE):
            count = min(_DRAWS_AT_ONCE, self.queries - done)
            draws = [_full_radius_noise(images, budget, rngs) for _ in range(count)]
            search.evaluate(torch.stack(draws))


def _full_radius_noise(images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
    return budget.project(images + budget.steepest(_normal(images, rngs)), images)


def _normal(images: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
    return standard_normal(rngs, 1, images.shape[1:], images)[0]
