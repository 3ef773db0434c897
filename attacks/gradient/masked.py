"""Changes behind a mask: where a picture is busy (Korhonen), or in one patch."""

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

    What is busy hides a change. The mask is the standard deviation of the luma around a pixel, by
    the largest one of the picture; theirs is made of Sobel filters. In linf a value changes by at
    most its mask's share of the radius; a flat picture stays as it is.

    Args:
        reach: how far, in pixels, the surroundings of a pixel go to each side.
    """

    version: ClassVar[int] = 1

    reach: Annotated[int, Field(ge=1)] = 2

    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Return the mask."""
        del rngs
        return _Masked(activity(climb.source, self.reach))


@dataclass(frozen=True)
class Patch(Structured):
    """A change of one rectangle, after LaVAN (Karmon et al. 2018, arXiv 1801.02608).

    It lies where the summed gradient is largest, and stays there. What bounds each value bounds it
    as anywhere else; what bounds all values together it has for itself. A patch in a place that is
    given is a budget's region, and takes any attack.

    Args:
        area: of the patch, as a share of the picture, or of the region that may change.
    """

    version: ClassVar[int] = 1

    area: Annotated[float, Field(gt=0, le=1)] = 0.05

    @property
    def evaluations(self) -> int:
        """One gradient a step, the last value, and what it takes to find a place and to start."""
        return self.steps + 4

    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Look for the place of the patch."""
        return _Masked(_patches(climb.start(rngs).gradients, climb.budget, self.area))


class _Masked:
    """A change of each value, times a mask, (B, 1, H, W) in [0, 1]."""

    def __init__(self, mask: Tensor) -> None:
        self._mask = mask
        height, width = mask.shape[-2:]
        self.shape = (3, height, width)

    def change(self, parameters: Tensor) -> Tensor:
        return parameters * self._mask

    def held(self, parameters: Tensor, most: float) -> Tensor:
        return parameters.clamp(-most, most)


def activity(images: Tensor, reach: int) -> Tensor:
    """Return how busy a picture is around each pixel, (B, 1, H, W), 1 at its busiest.

    Where the luma of no surroundings deviates by a level, it stays below 1.
    """
    red, green, blue = images.double().split(1, dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    centred = luma - luma.mean((2, 3), keepdim=True)
    mean, square = (_smoothed(values, reach) for values in (centred, centred.square()))
    deviation = (square - mean.square()).clamp_min(0).sqrt()
    return (deviation / deviation.amax((2, 3), keepdim=True).clamp_min(_LEVEL)).to(images)


def _smoothed(values: Tensor, reach: int) -> Tensor:
    return functional.avg_pool2d(
        values, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False
    )


def _patches(gradients: Tensor, budget: Budget, area: float) -> Tensor:
    """Return ones in the rectangle of each picture with the largest gradients, (B, 1, H, W)."""
    height, width = gradients.shape[-2:]
    weights = gradients.abs().sum(1, keepdim=True)
    sides = height, width
    if budget.region is not None:
        weights = weights * budget.region.mask(gradients)
        sides = budget.region.height, budget.region.width
    size = [max(1, round(side * math.sqrt(area))) for side in sides]
    sums = functional.avg_pool2d(weights, size, stride=1)
    place = sums.flatten(1).argmax(1).view(-1, 1)
    corners = place // sums.shape[-1], place % sums.shape[-1]
    rows, columns = (
        _between(torch.arange(side, device=place.device), corner, corner + length)
        for side, corner, length in zip((height, width), corners, size, strict=True)
    )
    return (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1).to(gradients)


def _between(values: Tensor, first: Tensor, end: Tensor) -> Tensor:
    return (values >= first) & (values < end)
