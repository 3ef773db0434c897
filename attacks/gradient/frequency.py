"""Changes of some frequencies alone: the finest ones (SSAH), or the coarser ones of a block DCT.

A picture is cut into blocks, and a change keeps to the frequencies of each block that its attack
names. Blocks at the right and lower border are cut off where the picture ends. In linf a change
that is too large is clipped and brought back to its frequencies by turns, and at last scaled block
by block.
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

_TURNS = 3
"""After which clipping and filtering by turns gains little."""


@dataclass(frozen=True)
class SSAH(Structured):
    """The high-frequency attack of Luo et al. (2022, arXiv 2203.05151), here on any objective.

    They hold the lowest band of a one-level Haar wavelet near that of the source by a penalty.
    Here no change has a part in that band: the mean of every block of 2x2 values stays as it is.
    """

    version: ClassVar[int] = 1

    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Return all but the mean of each block."""
        del rngs
        return _Fine(_Coarse(climb.source, block=2, keep=1))


@dataclass(frozen=True)
class DCT(Structured):
    """Changes in the lowest frequencies of a DCT (Guo et al. 2018, arXiv 1809.08758).

    They take the DCT of the whole picture; here it is that of blocks, as codecs do, so that a
    change can be large in one place and small in another.

    Args:
        block: side of the blocks, in pixels.
        keep: how many frequencies of a block may change, in each direction, counted from the mean.
    """

    version: ClassVar[int] = 1

    block: Annotated[int, Field(ge=1)] = 8
    keep: Annotated[int, Field(ge=1)] = 4

    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Return the lowest frequencies of each block."""
        del rngs
        return _Coarse(climb.source, self.block, self.keep)


class _Coarse:
    """Changes in the lowest frequencies of each block: parameters of any kind, filtered."""

    def __init__(self, source: Tensor, block: int, keep: int) -> None:
        height, width = source.shape[-2:]
        self._rows = _filter(height, block, keep).to(source)
        self._columns = _filter(width, block, keep).to(source)
        self.block = block
        self.shape = (3, height, width)

    def change(self, parameters: Tensor) -> Tensor:
        return self._rows @ parameters @ self._columns

    def held(self, parameters: Tensor, most: float) -> Tensor:
        return _held(self, parameters, most)


class _Fine:
    """Changes in all the other frequencies."""

    def __init__(self, coarse: _Coarse) -> None:
        self._coarse = coarse
        self.block = coarse.block
        self.shape = coarse.shape

    def change(self, parameters: Tensor) -> Tensor:
        return parameters - self._coarse.change(parameters)

    def held(self, parameters: Tensor, most: float) -> Tensor:
        return _held(self, parameters, most)


def _held(manner: _Coarse | _Fine, parameters: Tensor, most: float) -> Tensor:
    for _ in range(_TURNS):
        parameters = manner.change(parameters.clamp(-most, most))
    return parameters * (most / _peaks(parameters, manner.block)).clamp_max(1)


def _peaks(change: Tensor, block: int) -> Tensor:
    """Return for each value the largest change of its block, per channel."""
    height, width = change.shape[-2:]
    peaks = functional.max_pool2d(change.abs(), block, ceil_mode=True)
    wide = peaks.repeat_interleave(block, -2).repeat_interleave(block, -1)
    return wide[..., :height, :width]


def _filter(side: int, block: int, keep: int) -> Tensor:
    """Return the matrix, (side, side), that keeps the lowest frequencies of each block of a row.

    Of a block that is cut off it keeps the same share of the frequencies, rounded up.
    """
    whole, rest = divmod(side, block)
    sizes = [block] * whole + [rest] * (rest > 0)
    kept = [_lowest(size, min(size, math.ceil(keep * size / block))) for size in sizes]
    matrix: Tensor = torch.block_diag(*kept)
    return matrix


def _lowest(size: int, keep: int) -> Tensor:
    """Return the projection on the first `keep` of the `size` functions of an orthonormal DCT."""
    places = torch.arange(size, dtype=torch.float64) + 0.5
    orders = torch.arange(keep, dtype=torch.float64).unsqueeze(1)
    waves = (math.pi / size * orders * places).cos()
    basis = waves / waves.norm(dim=1, keepdim=True)
    projection: Tensor = basis.T @ basis
    return projection
