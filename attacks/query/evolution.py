"""A (1 + lambda) evolution strategy on smooth perturbations: random search without gradients.

In each generation the best picture so far has children. Each child adds a random sum of the lowest
cosines of each channel. The best picture of all becomes the next parent. The step size grows where
a child was better and shrinks where none was, by the one-fifth success rule (Rechenberg 1973), for
each picture separately. All children of a generation are queried at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import StepSize
from attacks.query.base import Queries, QueryAttack
from attacks.query.search import QuerySearch, standard_normal
from bench.budget import EUCLIDEAN, Budget

_GROWTH = 1.5
_SUCCESS_RATE = 0.2
"""The share of generations with a better child at which the step size stays constant."""


@dataclass(frozen=True)
class Evolution(QueryAttack):
    """An evolution strategy in the space of low frequencies.

    Args:
        queries: the query budget per source picture.
        children: number of children per generation.
        frequencies: number of cosines per axis that perturbations consist of.
        step_size: size of the first generation's perturbations, as a share of the budget's radius.
    """

    version: ClassVar[int] = 1

    queries: Queries = 2000
    children: Annotated[int, Field(ge=1)] = 4
    frequencies: Annotated[int, Field(ge=1)] = 32
    step_size: StepSize = 1.0

    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        images, budget = search.source, search.budget
        search.evaluate(images[None])
        sizes = torch.full((len(images), 1, 1, 1), self.step_size).to(images)
        for done in range(1, self.queries, self.children):
            previous, count = search.values.clone(), min(self.children, self.queries - done)
            search.evaluate(search.images + sizes * self._mutations(images, budget, rngs, count))
            is_better = (search.values > previous).view(-1, 1, 1, 1).to(images.device)
            larger = sizes * _GROWTH
            smaller = sizes * _GROWTH ** (_SUCCESS_RATE / (_SUCCESS_RATE - 1))
            sizes = torch.where(is_better, larger, smaller)

    def _mutations(
        self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator], count: int
    ) -> Tensor:
        """Return random smooth perturbations of full size on average, (count, B, 3, H, W)."""
        rows, columns = (_cosines(self.frequencies, side) for side in images.shape[-2:])
        shape = torch.Size((images.shape[1], len(rows), len(columns)))
        coefficients = standard_normal(rngs, count, shape, images)
        fields = rows.T.to(images) @ coefficients @ columns.to(images)
        return torch.stack([_scaled(field, budget) for field in fields])


def _scaled(fields: Tensor, budget: Budget) -> Tensor:
    """Return fields, (B, 3, H, W), scaled to the radius: their norm, in linf their RMS value."""
    if budget.kind in EUCLIDEAN:
        return budget.steepest(fields)
    radius = budget.steepest(torch.ones_like(fields))
    return radius * fields / fields.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _cosines(count: int, side: int) -> Tensor:
    """Return the lowest DCT functions along a side, (at most count, side), of norm 1."""
    frequencies = torch.arange(min(count, side)).view(-1, 1)
    cosines = torch.cos(math.pi / side * (torch.arange(side) + 0.5) * frequencies)
    lowest: Tensor = cosines / cosines.norm(dim=1, keepdim=True)
    return lowest
