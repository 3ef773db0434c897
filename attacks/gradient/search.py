"""The search that gradient attacks share: its start, and the best picture that it has evaluated.

    search = GradientSearch(target, source, budget)
    iterate = search.start(rngs)         the source picture, or a random one at a zero gradient
    iterate = search.step(images)        repeatedly
    return search.result()               the best pictures, not the last ones

Some objectives have a zero gradient at the source picture: the error against C(x), for example, has
its minimum there. A gradient of exactly zero reveals this; rounding noise does not. The search then
starts at a random picture inside the budget and sets the flag `random-start`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.attack import AttackResult, Target
from bench.budget import Budget

RANDOM_START = "random-start"
"""The gradient at a source picture was zero, so the search started at a random picture."""


class SearchSpace(Protocol):
    """A set of pictures around the source pictures; every budget is one."""

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return pictures of the set near `images`, float (B, 3, H, W)."""
        ...


@dataclass(frozen=True)
class Iterate:
    """Pictures with the target's values and gradients.

    Attributes:
        images: float (B, 3, H, W).
        values: (B,); minus infinity where the target's value is not a number.
        gradients: of the shape of `images`.
    """

    images: Tensor
    values: Tensor
    gradients: Tensor

    def where(self, chosen: Tensor, other: Iterate) -> Iterate:
        """Return this iterate for the chosen pictures, bool (B,), and the other for the rest."""
        mask = chosen.view(-1, 1, 1, 1)
        return Iterate(
            torch.where(mask, self.images, other.images),
            torch.where(chosen, self.values, other.values),
            torch.where(mask, self.gradients, other.gradients),
        )


class GradientSearch:
    """Evaluates pictures and keeps the best picture inside the budget for each source picture.

    Args:
        target: the function to maximise.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: pictures outside the budget may be evaluated but are never the best.
    """

    def __init__(self, target: Target, source: Tensor, budget: Budget) -> None:
        self._best = source
        self._best_values = source.new_full((len(source),), -torch.inf)
        self._trace: list[Tensor] = []
        self._flags: tuple[tuple[str, ...], ...] = ()
        self.target = target
        self.source = source
        self.budget = budget

    def step(self, images: Tensor) -> Iterate:
        """Return the values and gradients of pictures, float (B, 3, H, W)."""
        values, gradients = self.target.value_and_grad(images)
        return Iterate(images, self._recorded(images, values), gradients)

    def evaluate(self, images: Tensor) -> Tensor:
        """Return the values alone, (B,), of pictures, float (B, 3, H, W)."""
        return self._recorded(images, self.target.value(images))

    def start(self, rngs: Sequence[torch.Generator], space: SearchSpace | None = None) -> Iterate:
        """Evaluate the source pictures, and a random picture where the gradient is zero.

        Args:
            rngs: one generator per picture.
            space: the set onto which random pictures are projected in addition to the budget.
        """
        iterate = self.step(self.source)
        is_flat = ~iterate.gradients.flatten(1).any(1)
        if not is_flat.any():
            return iterate
        self._flags = tuple((RANDOM_START,) if flat else () for flat in is_flat)
        random = self.budget.sample(self.source, rngs)
        random = random if space is None else space.project(random, self.source)
        return self.step(torch.where(is_flat.view(-1, 1, 1, 1), random, self.source))

    def project(self, images: Tensor) -> Tensor:
        """Return the nearest pictures inside the budget."""
        return self.budget.project(images, self.source)

    def result(self) -> AttackResult:
        """Return the best pictures and the trace; values outside the budget are minus infinity."""
        return AttackResult(self._best, torch.stack(self._trace), self._flags)

    def _recorded(self, images: Tensor, values: Tensor) -> Tensor:
        values = values.masked_fill(values.isnan(), -torch.inf)
        inside = self.budget.allows(images, self.source)
        counted = values.masked_fill(~inside, -torch.inf)
        is_better = (counted > self._best_values).view(-1, 1, 1, 1)
        self._best = torch.where(is_better, images, self._best)
        self._best_values = torch.maximum(counted, self._best_values)
        self._trace.append(counted)
        return values
