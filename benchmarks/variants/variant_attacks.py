"""Searches that were tried for `standard` and found less than APGD, as a plugin.

bench run benchmarks/variants/suite.yaml -o runs/variants
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from attacks.gradient.base import RestartedAttack, Restarts, Steps
from attacks.gradient.search import GradientSearch
from attacks.optim import normalised
from bench.attack import Half, View, given
from bench.budget import Budget
from bench.entry import Entry


@dataclass(frozen=True)
class _Variant(RestartedAttack):
    """Steps from a random start, projected onto the budget; the best evaluated picture counts.

    Args:
        steps: number of steps.
        restarts: number of random starts.
    """

    version: ClassVar[int] = 1

    steps: Steps = 33
    restarts: Restarts = 1

    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        memory: dict[str, Tensor] = {}
        for step in range(self.steps):
            gradients = search.step(images).gradients
            images = search.project(images + self._move(gradients, step, search.budget, memory))
        search.evaluate(images)

    @abstractmethod
    def _move(
        self, gradients: Tensor, step: int, budget: Budget, memory: dict[str, Tensor]
    ) -> Tensor:
        """Return the move of a step, (B, 3, H, W); `memory` lasts for one ascent."""

    def _falling(self, step: int) -> float:
        """Return the size of a step as a share of the radius, falling from 0.52 to 0.02."""
        return 0.5 * (1 - step / self.steps) + 0.02


@dataclass(frozen=True)
class FallingStep(_Variant):
    """PGD with a step that falls linearly, along the decayed sum of normalised gradients.

    Dong et al. 2018, arXiv 1710.06081.

    Args:
        steps: number of steps.
        restarts: number of random starts.
        decay: factor of the sum of gradients at each step; 0 for the gradient alone.
    """

    decay: Annotated[float, Field(ge=0)] = 0.0

    def _move(
        self, gradients: Tensor, step: int, budget: Budget, memory: dict[str, Tensor]
    ) -> Tensor:
        before = memory.get("sum", torch.zeros_like(gradients))
        memory["sum"] = self.decay * before + normalised(gradients, order=1)
        return budget.steepest(memory["sum"]) * self._falling(step)


@dataclass(frozen=True)
class AnnealedAdam(_Variant):
    """Adam (Kingma & Ba 2015, arXiv 1412.6980) with cosine annealing of its learning rate.

    Args:
        steps: number of steps.
        restarts: number of random starts.
        lr: first learning rate, as a share of the largest move of one value that fits the radius.
    """

    lr: Annotated[float, Field(gt=0)] = 0.4

    def _move(
        self, gradients: Tensor, step: int, budget: Budget, memory: dict[str, Tensor]
    ) -> Tensor:
        zero = torch.zeros_like(gradients)
        memory["mean"] = 0.9 * memory.get("mean", zero) + 0.1 * gradients
        memory["square"] = 0.99 * memory.get("square", zero) + 0.01 * gradients.square()
        mean = memory["mean"] / (1 - 0.9 ** (step + 1))
        square = memory["square"] / (1 - 0.99 ** (step + 1))
        largest = budget.steepest(torch.ones_like(gradients)).abs().amax()
        rate = self.lr * (1 + math.cos(math.pi * step / self.steps)) / 2
        return rate * largest * mean / (square.sqrt() + 1e-12)


@dataclass(frozen=True)
class WaveletSteps(_Variant):
    """Steps along the signs of the gradient's Haar coefficients; sides must be even."""

    def _move(
        self, gradients: Tensor, step: int, budget: Budget, memory: dict[str, Tensor]
    ) -> Tensor:
        del memory
        signs = _from_haar(_to_haar(gradients).sign())
        if budget.kind == "linf":
            largest = budget.steepest(torch.ones_like(gradients)).abs().amax()
            return signs / signs.abs().amax() * largest * self._falling(step)
        return budget.steepest(signs) * self._falling(step)


_HAAR = torch.tensor([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2
"""One scale of the Haar transform of a block of 2x2 values; it is its own inverse."""


def _to_haar(images: Tensor) -> Tensor:
    """Return the coefficients of each block, (B, 3, 4, H/2, W/2)."""
    blocks = functional.pixel_unshuffle(images, 2).unflatten(1, (images.shape[1], 4))
    return torch.einsum("ij,bcjhw->bcihw", _HAAR.to(images), blocks)


def _from_haar(coefficients: Tensor) -> Tensor:
    blocks = torch.einsum("ij,bcjhw->bcihw", _HAAR.to(coefficients), coefficients)
    return functional.pixel_shuffle(blocks.flatten(1, 2), 2)


@dataclass(frozen=True)
class LogSumExp:
    """A soft maximum of the errors of 16x16 blocks: the worst blocks count most.

    It is log(mean(exp(scale error))) / scale, between the mean and the largest error; the scale is
    four over the mean error.
    """

    needs: ClassVar[Half] = "reconstruction"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the value of each picture, (B,)."""
        errors = (given(view.reconstruction).clamp(0, 1) - view.source).square().mean(1, True)
        blocks = functional.avg_pool2d(errors, 16).flatten(1)
        scale = 4 / blocks.detach().mean(1, keepdim=True).clamp_min(1e-12)
        mean: Tensor = torch.logsumexp(scale * blocks, 1) - math.log(blocks.shape[1])
        return mean / scale.squeeze(1)


ATTACKS = {
    "falling-step": Entry(FallingStep, "PGD with a falling step, with or without momentum"),
    "annealed-adam": Entry(AnnealedAdam, "Adam with cosine annealing"),
    "wavelet-steps": Entry(WaveletSteps, "steps along the signs of Haar coefficients"),
}
OBJECTIVES = {"log-sum-exp": Entry(LogSumExp, "log-sum-exp of block errors")}
