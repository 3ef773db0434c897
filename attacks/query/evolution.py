"""A (1 + lambda) evolution strategy on smooth changes: random search that knows no gradients.

Each generation, the best picture so far has children that differ from it by a random sum of the
lowest cosines of each channel; the best of all goes on. The step grows where a child was better and
shrinks where none was, by the rule of one success in five (Rechenberg 1973), for each picture by
itself. All children of a generation are queried at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.pgd import StepSize
from attacks.query.search import Queries, QuerySearch, randomly
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, EUCLIDEAN, Budget

_GROWTH = 1.5
_SUCCESSES = 0.2
"""The share of generations with a better child at which the step stays as it is."""


@dataclass(frozen=True)
class Evolution:
    """Evolution in the space of low frequencies.

    Args:
        queries: how many pictures may be really coded.
        children: of each generation.
        frequencies: how many cosines along each side changes are made of.
        step_size: of the first generation, as a share of the budget's radius.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    queries: Queries = 2000
    children: Annotated[int, Field(ge=1)] = 4
    frequencies: Annotated[int, Field(ge=1)] = 32
    step_size: StepSize = 1.0

    @property
    def evaluations(self) -> int:
        """Every query."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from the source pictures."""
        probe = QuerySearch(target, images, budget)
        probe.evaluate(images[None])
        sizes = torch.full((len(images), 1, 1, 1), self.step_size).to(images)
        for asked in range(1, self.queries, self.children):
            before, count = probe.values.clone(), min(self.children, self.queries - asked)
            probe.evaluate(probe.images + sizes * self._mutations(images, budget, rngs, count))
            better = (probe.values > before).view(-1, 1, 1, 1).to(images.device)
            grown, shrunk = sizes * _GROWTH, sizes * _GROWTH ** (_SUCCESSES / (_SUCCESSES - 1))
            sizes = torch.where(better, grown, shrunk)
        return probe.result()

    def _mutations(
        self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator], count: int
    ) -> Tensor:
        """Return random smooth changes (count, B, 3, H, W) as large as the radius at the mean."""
        rows, columns = (_cosines(self.frequencies, side) for side in images.shape[-2:])
        shape = torch.Size((images.shape[1], len(rows), len(columns)))
        fields = rows.T.to(images) @ randomly(rngs, count, shape, images) @ columns.to(images)
        changes = [_scaled(field, budget) for field in fields]
        return torch.stack(changes)


def _scaled(fields: Tensor, budget: Budget) -> Tensor:
    """Return fields (B, 3, H, W) with the length, in linf the mean square, of the full radius."""
    if budget.kind in EUCLIDEAN:
        return budget.steepest(fields)
    full = budget.steepest(torch.ones_like(fields))
    return full * fields / fields.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _cosines(count: int, side: int) -> Tensor:
    """Return the lowest cosines of the DCT along a side, (at most count, side), of length 1."""
    frequencies = torch.arange(min(count, side)).view(-1, 1)
    cosines = torch.cos(math.pi / side * (torch.arange(side) + 0.5) * frequencies)
    lowest: Tensor = cosines / cosines.norm(dim=1, keepdim=True)
    return lowest
