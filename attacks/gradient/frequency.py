"""Perturbations limited to some frequencies: the highest (SSAH), or the lowest of a block DCT.

A picture is divided into blocks, and the perturbation of each block uses only the attack's
frequencies. Blocks at the right and lower border end where the picture ends. In linf a perturbation
that is too large is clipped and filtered alternately, and finally scaled block by block.
"""

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

_ALTERNATIONS = 3
"""Rounds of clipping and filtering; more rounds gain little."""


@dataclass(frozen=True)
class SSAH(Structured):
    """The high-frequency attack of Luo et al. (2022, arXiv 2203.05151), for any objective.

    Luo et al. penalise changes of the lowest band of a one-level Haar wavelet transform. Here the
    perturbation has no component in that band: the mean of every 2x2 block stays unchanged.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
    """

    version: ClassVar[int] = 1

    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        del rngs
        return _HighFrequencies(_LowFrequencies(search.source, block=2, keep=1))


@dataclass(frozen=True)
class DCT(Structured):
    """A perturbation in the lowest frequencies of a DCT (Guo et al. 2018, arXiv 1809.08758).

    Guo et al. use the DCT of the whole picture. Here it is the DCT of blocks, as in codecs, so that
    a perturbation can be large in one place and small in another.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
        block: side of the blocks, in pixels.
        keep: number of frequencies per axis that may change in a block, counted from the mean.
    """

    version: ClassVar[int] = 1

    block: Annotated[int, Field(ge=1)] = 8
    keep: Annotated[int, Field(ge=1)] = 4

    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        del rngs
        return _LowFrequencies(search.source, self.block, self.keep)


class _LowFrequencies:
    """Perturbations in the lowest frequencies of each block: the filtered parameters."""

    def __init__(self, source: Tensor, block: int, keep: int) -> None:
        height, width = source.shape[-2:]
        self._rows = _filter(height, block, keep).to(source)
        self._columns = _filter(width, block, keep).to(source)
        self.block = block
        self.shape = (3, height, width)

    def perturbation(self, parameters: Tensor) -> Tensor:
        return self._rows @ parameters @ self._columns

    def clamp(self, parameters: Tensor, limit: float) -> Tensor:
        return _clamp(self, parameters, limit)


class _HighFrequencies:
    """Perturbations in all other frequencies."""

    def __init__(self, low: _LowFrequencies) -> None:
        self._low = low
        self.block = low.block
        self.shape = low.shape

    def perturbation(self, parameters: Tensor) -> Tensor:
        return parameters - self._low.perturbation(parameters)

    def clamp(self, parameters: Tensor, limit: float) -> Tensor:
        return _clamp(self, parameters, limit)


def _clamp(kind: _LowFrequencies | _HighFrequencies, parameters: Tensor, limit: float) -> Tensor:
    for _ in range(_ALTERNATIONS):
        parameters = kind.perturbation(parameters.clamp(-limit, limit))
    return parameters * (limit / _block_peaks(parameters, kind.block)).clamp_max(1)


def _block_peaks(perturbation: Tensor, block: int) -> Tensor:
    """Return for each value the largest change in its block and channel, (B, 3, H, W)."""
    height, width = perturbation.shape[-2:]
    peaks = functional.max_pool2d(perturbation.abs(), block, ceil_mode=True)
    expanded = peaks.repeat_interleave(block, -2).repeat_interleave(block, -1)
    return expanded[..., :height, :width]


def _filter(side: int, block: int, keep: int) -> Tensor:
    """Return the matrix, (side, side), that keeps the lowest frequencies of each block of a row.

    In a smaller block at the border it keeps the same share of the frequencies, rounded up.
    """
    whole, rest = divmod(side, block)
    sizes = [block] * whole + [rest] * (rest > 0)
    filters = [_projection(size, min(size, math.ceil(keep * size / block))) for size in sizes]
    matrix: Tensor = torch.block_diag(*filters)
    return matrix


def _projection(size: int, keep: int) -> Tensor:
    """Return the projection, (size, size), onto the first `keep` functions of a DCT of a row."""
    positions = torch.arange(size, dtype=torch.float64) + 0.5
    orders = torch.arange(keep, dtype=torch.float64).unsqueeze(1)
    waves = (math.pi / size * orders * positions).cos()
    basis = waves / waves.norm(dim=1, keepdim=True)
    projection: Tensor = basis.T @ basis
    return projection
