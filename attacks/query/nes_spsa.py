"""Ascent on gradients estimated from queries, for codecs without gradients: NES and SPSA.

Both query pairs of pictures, one step to either side of the current picture in random directions.
The estimate uses the difference between the queried pictures, after rounding to 8 bits and
projection onto the budget, so that neither biases it:

    gradient = mean over pairs of (v+ - v-) (x+ - x-) / |x+ - x-|^2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import StepSize
from attacks.optim import Adam, normalised
from attacks.query.base import Queries, QueryAttack
from attacks.query.search import QuerySearch, standard_normal

_PAIRS_AT_ONCE = 8
"""Pairs per picture that are in memory at the same time."""

Samples: TypeAlias = Annotated[int, Field(ge=2, multiple_of=2)]
"""Queries per estimate, two per pair."""

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(pictures, their estimated gradients) -> the next pictures."""


@dataclass(frozen=True)
class NES(QueryAttack):
    """Natural evolution strategies with antithetic samples (Ilyas et al. 2018, arXiv 1804.08598).

    Ilyas et al. use a sigma of 0.001: a quarter of a level, which 8-bit rounding removes.

    Args:
        queries: the query budget per source picture.
        samples: queries per estimate.
        sigma: standard deviation of the directions, for pictures in [0, 1].
        momentum: factor of the previous mean gradient at each step.
        step_size: size of a step, as a share of the budget's radius.
    """

    version: ClassVar[int] = 1

    queries: Queries = 1000
    samples: Samples = 50
    sigma: StepSize = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    step_size: StepSize = 0.25

    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        source = search.source
        mean = torch.zeros_like(source)

        def draw(count: int) -> Tensor:
            return self.sigma * standard_normal(rngs, count, source.shape[1:], source)

        def step(images: Tensor, gradients: Tensor) -> Tensor:
            mean.mul_(self.momentum).add_((1 - self.momentum) * gradients)
            return images + self.step_size * search.budget.steepest(mean)

        _ascend(search, _Estimator(search, draw, self.samples), step, self.queries)


@dataclass(frozen=True)
class SPSA(QueryAttack):
    """Simultaneous perturbation with Adam (Uesato et al. 2018, arXiv 1802.05666).

    Args:
        queries: the query budget per source picture.
        samples: queries per estimate.
        delta: size of the change of every value in a direction, for pictures in [0, 1].
        lr: Adam's learning rate, for pictures in [0, 1].
    """

    version: ClassVar[int] = 1

    queries: Queries = 1000
    samples: Samples = 128
    delta: StepSize = 0.01
    lr: StepSize = 0.01

    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        source = search.source
        adam = Adam(source, self.lr)

        def draw(count: int) -> Tensor:
            return self.delta * standard_normal(rngs, count, source.shape[1:], source).sign()

        def step(images: Tensor, gradients: Tensor) -> Tensor:
            adam.move(images)
            adam.step(normalised(gradients))
            return adam.images.clone()

        _ascend(search, _Estimator(search, draw, self.samples), step, self.queries)


@dataclass(frozen=True)
class _Estimator:
    """Estimates gradients from queries.

    Attributes:
        search: queries the pictures.
        draw: returns a number of random directions, (count, B, 3, H, W).
        samples: the most queries per estimate.
    """

    search: QuerySearch
    draw: Callable[[int], Tensor]
    samples: int

    def gradient(self, images: Tensor, samples: int) -> Tensor:
        """Return the estimated gradient at pictures, float (B, 3, H, W)."""
        pairs, total = samples // 2, torch.zeros_like(images)
        for done in range(0, pairs, _PAIRS_AT_ONCE):
            total += self._sum_over_pairs(images, min(_PAIRS_AT_ONCE, pairs - done))
        return total / pairs

    def _sum_over_pairs(self, images: Tensor, pairs: int) -> Tensor:
        directions = self.draw(pairs)
        candidates = torch.cat([images + directions, images - directions])
        values, queried = self.search.evaluate(candidates)
        rises = values[:pairs] - values[pairs:]
        spans = queried[:pairs] - queried[pairs:]
        squares = spans.double().square().flatten(2).sum(2).clamp_min(1e-12)
        slopes = rises.where(rises.isfinite(), 0) / squares
        return (slopes.to(images)[:, :, None, None, None] * spans).sum(0)


def _ascend(search: QuerySearch, estimator: _Estimator, step: Step, queries: int) -> None:
    """Step along estimated gradients until the query budget is used; each new picture is queried.

    Args:
        search: queries the pictures.
        estimator: estimates gradients.
        step: takes one step.
        queries: the query budget.
    """
    images, remaining = search.source, queries - 1
    search.evaluate(images[None])
    while remaining > 2:
        samples = min(estimator.samples, (remaining - 1) // 2 * 2)
        ahead = step(images, estimator.gradient(images, samples))
        images = search.budget.project(ahead, search.source)
        search.evaluate(images[None])
        remaining -= samples + 1
