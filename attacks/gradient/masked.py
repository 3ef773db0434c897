"""Masked perturbations: in the busy parts of a picture (Korhonen), or in one patch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from attacks.gradient.search import GradientSearch
from attacks.gradient.structured import Parametrisation, Structured
from bench.budget import Budget

_LEVEL = 1 / 255


@dataclass(frozen=True)
class Korhonen(Structured):
    """Gradients masked by local activity (Korhonen & You 2022, doi.org/10.1145/3552469.3555715).

    Busy parts of a picture hide a perturbation. The mask is the local standard deviation of the
    luma, divided by its largest value in the picture; Korhonen & You use Sobel filters. In linf a
    value changes by at most the mask times the radius. A flat picture stays unchanged.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
        reach: half-width of a pixel's neighbourhood, in pixels.
    """

    version: ClassVar[int] = 1

    reach: Annotated[int, Field(ge=1)] = 2

    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        del rngs
        return _Masked(activity(search.source, self.reach))


@dataclass(frozen=True)
class Patch(Structured):
    """A perturbation of one rectangle, after LaVAN (Karmon et al. 2018, arXiv 1801.02608).

    The patch lies where the summed absolute gradient is largest, and stays there. A limit on each
    value applies inside the patch as elsewhere; a limit on all values together is spent on the
    patch alone. For a patch at a fixed position, set the budget's region and use any attack.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
        area: area of the patch, as a share of the picture, or of the budget's region.
    """

    version: ClassVar[int] = 1

    area: Annotated[float, Field(gt=0, le=1)] = 0.05

    @property
    def evaluations(self) -> int:
        """One gradient per step, the last value, and those for the position and the start."""
        return self.steps + 4

    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        return _Masked(_patches(search.start(rngs).gradients, search.budget, self.area))


class _Masked:
    """A perturbation of each value times a mask, (B, 1, H, W) in [0, 1]."""

    def __init__(self, mask: Tensor) -> None:
        self._mask = mask
        height, width = mask.shape[-2:]
        self.shape = (3, height, width)

    def perturbation(self, parameters: Tensor) -> Tensor:
        return parameters * self._mask

    def clamp(self, parameters: Tensor, limit: float) -> Tensor:
        return parameters.clamp(-limit, limit)


def activity(images: Tensor, reach: int) -> Tensor:
    """Return the local standard deviation of the luma relative to its largest value.

    The largest value counts as at least one 8-bit level.

    Args:
        images: float (B, 3, H, W) in [0, 1].
        reach: half-width of a pixel's neighbourhood, in pixels.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    red, green, blue = images.double().split(1, dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    centred = luma - luma.mean((2, 3), keepdim=True)
    mean, square = (_local_mean(values, reach) for values in (centred, centred.square()))
    deviation = (square - mean.square()).clamp_min(0).sqrt()
    return (deviation / deviation.amax((2, 3), keepdim=True).clamp_min(_LEVEL)).to(images)


def _local_mean(values: Tensor, reach: int) -> Tensor:
    return functional.avg_pool2d(
        values, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False
    )


def _patches(gradients: Tensor, budget: Budget, area: float) -> Tensor:
    """Return a mask, (B, 1, H, W), of the rectangle with the largest sum of gradients."""
    height, width = gradients.shape[-2:]
    weights = gradients.abs().sum(1, keepdim=True)
    sides = height, width
    if budget.region is not None:
        weights = weights * budget.region.mask(gradients)
        sides = budget.region.height, budget.region.width
    size = [max(1, round(side * math.sqrt(area))) for side in sides]
    sums = functional.avg_pool2d(weights, size, stride=1)
    index = sums.flatten(1).argmax(1).view(-1, 1)
    corners = index // sums.shape[-1], index % sums.shape[-1]
    rows, columns = (
        _between(torch.arange(side, device=index.device), corner, corner + length)
        for side, corner, length in zip((height, width), corners, size, strict=True)
    )
    return (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1).to(gradients)


def _between(values: Tensor, first: Tensor, end: Tensor) -> Tensor:
    return (values >= first) & (values < end)
