"""Noise that knows nothing of the codec: what an attack must beat to be called one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.attack import AttackResult, Need, Target
from bench.budget import Budget


@dataclass(frozen=True)
class UniformNoise:
    """A picture drawn uniformly from the budget's ball."""

    needs: ClassVar[Need] = "nothing"
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
    version: ClassVar[int] = 2
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        normal = torch.stack([_normal(image, rng) for image, rng in zip(images, rngs, strict=True)])
        noisy = budget.project(images + budget.steepest(normal), images)
        return AttackResult(noisy, images.new_empty(0, len(images)))


def _normal(image: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(image.shape, generator=rng, device=rng.device).to(image)
