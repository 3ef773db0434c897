"""Noise, what an attack must beat to be called one: drawn blindly, or the best of many draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from attacks.climb import Climb
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget


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
    """The best of many draws of the loudest noise, by the values of the codec's surrogate.

    It takes no gradient but looks at the codec, so it stands with the white-box attacks: a
    gradient that finds less than blind draws do is worth nothing.

    Args:
        draws: how many.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    draws: Annotated[int, Field(ge=1)] = 100

    @property
    def evaluations(self) -> int:
        """One value a draw."""
        return self.draws

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw, look, and keep the best."""
        climb = Climb(target, images, budget)
        for _ in range(self.draws):
            climb.glance(_loudest(images, budget, rngs))
        return climb.result()


def _loudest(images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
    return budget.project(images + budget.steepest(_normal(images, rngs)), images)


def _normal(images: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
    shape = images.shape[1:]
    drawn = [torch.randn(shape, generator=rng, device=rng.device) for rng in rngs]
    return torch.stack(drawn).to(images)
