"""What every gradient search here shares: where it begins, and the best picture it has seen.

    climb = Climb(target, source, budget)
    point = climb.start(rngs)          the source picture, or a random one where that is flat
    point = climb.step(images)         again and again
    return climb.result()              the best pictures of all, not the last ones

Some objectives are flat at the source picture itself: the error against C(x) is zero there, and so
is its gradient. An attack cannot know that and need not: a gradient of exactly zero tells it. The
search then begins at a random picture of the budget, and says so with the flag `random-start`.
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
"""The gradient at a source picture was zero, so the search began at a random picture instead."""


class SearchSpace(Protocol):
    """A set of pictures around the source ones; every budget is one."""

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return pictures of the set near `images`."""
        ...


@dataclass(frozen=True)
class Iterate:
    """Pictures, and what the target said of them.

    Attributes:
        images: float (B, 3, H, W).
        values: (B,); minus infinity where the target gave no number.
        gradients: of the shape of `images`.
    """

    images: Tensor
    values: Tensor
    gradients: Tensor

    def where(self, chosen: Tensor, other: Iterate) -> Iterate:
        """Return this point for the chosen pictures, bool (B,), the other point for the rest."""
        wide = chosen.view(-1, 1, 1, 1)
        return Iterate(
            torch.where(wide, self.images, other.images),
            torch.where(chosen, self.values, other.values),
            torch.where(wide, self.gradients, other.gradients),
        )


class GradientSearch:
    """A target, and the best pictures inside a budget that it was shown.

    Args:
        target: what is to be made large.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: pictures outside it may be looked at, but are never the best.
    """

    def __init__(self, target: Target, source: Tensor, budget: Budget) -> None:
        self._target = target
        self._best = source
        self._reached = source.new_full((len(source),), -torch.inf)
        self._trace: list[Tensor] = []
        self._flags: tuple[tuple[str, ...], ...] = ()
        self.source = source
        self.budget = budget

    def step(self, images: Tensor) -> Iterate:
        """Ask for values and gradients."""
        values, gradients = self._target.value_and_grad(images)
        return Iterate(images, self._noted(images, values), gradients)

    def glance(self, images: Tensor) -> Tensor:
        """Ask for values alone, (B,)."""
        return self._noted(images, self._target.value(images))

    def start(self, rngs: Sequence[torch.Generator], room: SearchSpace | None = None) -> Iterate:
        """Look at the source pictures, and in the place of flat ones at random pictures.

        Args:
            rngs: one generator a picture.
            room: what random pictures are brought into as well, if anything.
        """
        point = self.step(self.source)
        flat = ~point.gradients.flatten(1).any(1)
        if not flat.any():
            return point
        self._flags = tuple((RANDOM_START,) if one else () for one in flat)
        drawn = self.budget.sample(self.source, rngs)
        drawn = drawn if room is None else room.project(drawn, self.source)
        return self.step(torch.where(flat.view(-1, 1, 1, 1), drawn, self.source))

    def project(self, images: Tensor) -> Tensor:
        """Return the nearest pictures inside the budget."""
        return self.budget.project(images, self.source)

    def result(self) -> AttackResult:
        """Return the best pictures and the values on the way; outside the budget is no value."""
        return AttackResult(self._best, torch.stack(self._trace), self._flags)

    def _noted(self, images: Tensor, values: Tensor) -> Tensor:
        values = values.masked_fill(values.isnan(), -torch.inf)
        inside = self.budget.allows(images, self.source)
        counted = values.masked_fill(~inside, -torch.inf)
        better = (counted > self._reached).view(-1, 1, 1, 1)
        self._best = torch.where(better, images, self._best)
        self._reached = torch.maximum(counted, self._reached)
        self._trace.append(counted)
        return values
