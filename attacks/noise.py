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
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        return AttackResult(budget.sample(images, rngs), images.new_empty(0, len(images)))


@dataclass(frozen=True)
class SignNoise:
    """Every value moved by the full radius up or down, a fair coin each: the loudest noise."""

    needs: ClassVar[Need] = "nothing"
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Draw one picture each; the target is not looked at."""
        del target
        coins = torch.stack([_coins(image, rng) for image, rng in zip(images, rngs, strict=True)])
        noisy = budget.project(images + budget.steepest(coins), images)
        return AttackResult(noisy, images.new_empty(0, len(images)))


def _coins(image: Tensor, rng: torch.Generator) -> Tensor:
    flips = torch.randint(0, 2, image.shape, generator=rng, device=rng.device)
    return (flips * 2 - 1).to(image)
