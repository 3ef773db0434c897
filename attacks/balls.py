"""Balls of one kind with a radius for each picture of a batch, as one budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from bench.budget import Budget


@dataclass(frozen=True)
class Balls(Budget):
    """A budget whose ball around picture i of a batch is the i-th of `each`.

    `radius` and `region` have no meaning of their own.

    Attributes:
        each: one budget for each picture.
    """

    kind: ClassVar[str] = "one ball per picture"
    unit: ClassVar[str] = "the radius of the picture's ball"

    each: tuple[Budget, ...] = ()

    @classmethod
    def of(cls, budget: Budget, radii: Sequence[float]) -> Balls:
        """Return a budget with other radii, one for each picture, in the unit of `budget`."""
        return cls(1.0, each=tuple(replace(budget, radius=radius) for radius in radii))

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        return self._joined(lambda ball, *pair: ball.size(*pair) / ball.radius, images, source)

    def steepest(self, gradient: Tensor) -> Tensor:
        return self._joined(lambda ball, one: ball.steepest(one), gradient)

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        return self._joined(lambda ball, *pair: ball.project(*pair), images, source)

    def sample(self, source: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        triples = zip(self.each, source.split(1), rngs, strict=True)
        return torch.cat([ball.sample(one, [rng]) for ball, one, rng in triples])

    def rounded(self, images: Tensor, source: Tensor) -> Tensor:
        return self._joined(lambda ball, *pair: ball.rounded(*pair), images, source)

    def allows(self, images: Tensor, source: Tensor) -> Tensor:
        return self._joined(lambda ball, *pair: ball.allows(*pair), images, source)

    def holds(self, adversarial: Tensor, source: Tensor) -> list[bool]:
        trios = zip(self.each, adversarial.split(1), source.split(1), strict=True)
        return [ball.holds(one, origin)[0] for ball, one, origin in trios]

    def _joined(self, part: Callable[..., Tensor], *batches: Tensor) -> Tensor:
        columns = zip(self.each, *(batch.split(1) for batch in batches), strict=True)
        return torch.cat([part(*column) for column in columns])
