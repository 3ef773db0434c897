"""Gradients estimated from queries, for ascent on codecs that have none: NES and SPSA.

Both ask about pairs of pictures, one step to either side of where they are in random directions.
What a pair differs in is taken as it was really asked about, after rounding to 8 bits and bringing
into the budget, so that neither biases the estimate:

    slope = mean over pairs of (v+ - v-) (x+ - x-) / |x+ - x-|^2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.pgd import StepSize
from attacks.optim import Adam, unit
from attacks.query.search import Queries, QuerySearch, randomly
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

_AT_ONCE = 8
"""Pairs of each picture that are in memory at a time."""

Samples: TypeAlias = Annotated[int, Field(ge=2, multiple_of=2)]
"""Queries for one estimate, two a pair."""

Move: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(pictures, their slopes) -> the next pictures."""


@dataclass(frozen=True)
class NES:
    """Natural evolution strategies with antithetic samples (Ilyas et al. 2018, arXiv 1804.08598).

    Ilyas et al. take a sigma of 0.001: a quarter of a level, which 8-bit pictures do not show.

    Args:
        queries: how many pictures may be really coded.
        samples: queries for one estimate.
        sigma: standard deviation of the directions, of pictures in [0, 1].
        momentum: what the sum of the slopes before is multiplied with at each step.
        step_size: of each step, as a share of the budget's radius.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    queries: Queries = 1000
    samples: Samples = 50
    sigma: StepSize = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    step_size: StepSize = 0.25

    @property
    def evaluations(self) -> int:
        """Every query."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from the source pictures."""
        probe, sums = QuerySearch(target, images, budget), torch.zeros_like(images)

        def draw(count: int) -> Tensor:
            return self.sigma * randomly(rngs, count, images.shape[1:], images)

        def move(at: Tensor, slopes: Tensor) -> Tensor:
            sums.mul_(self.momentum).add_((1 - self.momentum) * slopes)
            return at + self.step_size * budget.steepest(sums)

        return _ascend(probe, _Estimate(probe, draw, self.samples), move, self.queries)


@dataclass(frozen=True)
class SPSA:
    """Simultaneous perturbation with Adam (Uesato et al. 2018, arXiv 1802.05666).

    Args:
        queries: how many pictures may be really coded.
        samples: queries for one estimate.
        delta: by how much every value moves in a direction, of pictures in [0, 1].
        lr: Adam's learning rate, of pictures in [0, 1].
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    queries: Queries = 1000
    samples: Samples = 128
    delta: StepSize = 0.01
    lr: StepSize = 0.01

    @property
    def evaluations(self) -> int:
        """Every query."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Ascend from the source pictures."""
        probe, adam = QuerySearch(target, images, budget), Adam(images, self.lr)

        def draw(count: int) -> Tensor:
            return self.delta * randomly(rngs, count, images.shape[1:], images).sign()

        def move(at: Tensor, slopes: Tensor) -> Tensor:
            adam.move(at)
            adam.step(unit(slopes))
            return adam.images.clone()

        return _ascend(probe, _Estimate(probe, draw, self.samples), move, self.queries)


@dataclass(frozen=True)
class _Estimate:
    """How slopes are estimated: what draws `count` directions (count, B, 3, H, W), and how many."""

    probe: QuerySearch
    draw: Callable[[int], Tensor]
    samples: int

    def slope(self, at: Tensor, samples: int) -> Tensor:
        """Return the estimated slope at pictures (B, 3, H, W)."""
        pairs, total = samples // 2, torch.zeros_like(at)
        for done in range(0, pairs, _AT_ONCE):
            total += self._summed(at, min(_AT_ONCE, pairs - done))
        return total / pairs

    def _summed(self, at: Tensor, pairs: int) -> Tensor:
        directions = self.draw(pairs)
        values, seen = self.probe.evaluate(torch.cat([at + directions, at - directions]))
        rises = values[:pairs] - values[pairs:]
        spans = seen[:pairs] - seen[pairs:]
        lengths = spans.double().square().flatten(2).sum(2).clamp_min(1e-12)
        shares = rises.where(rises.isfinite(), 0) / lengths
        return (shares.to(at)[:, :, None, None, None] * spans).sum(0)


def _ascend(probe: QuerySearch, estimate: _Estimate, move: Move, queries: int) -> AttackResult:
    """Step along estimated slopes for as long as there are queries; where it comes to is asked."""
    at, left = probe.source, queries - 1
    probe.evaluate(at[None])
    while left > 2:
        samples = min(estimate.samples, (left - 1) // 2 * 2)
        at = probe.budget.project(move(at, estimate.slope(at, samples)), probe.source)
        probe.evaluate(at[None])
        left -= samples + 1
    return probe.result()
