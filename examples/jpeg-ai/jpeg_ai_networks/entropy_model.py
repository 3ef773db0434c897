"""The probabilities of the latents, and which table of the range coder codes each of them.

y - mean   a Gaussian of mean 0 and deviation (|gain * scale|^3 + floor^3)^(1/3), rounded
z          a Gaussian for each channel, rounded
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from jpeg_ai_networks.prior import ComponentPrior, Prior
from jpeg_ai_networks.range_coder import LOWEST_SCALE, GaussianTables

_POWER = 3
"""So the floor matters only where the scale is small."""

_LEVELS = torch.tensor(
    [LOWEST_SCALE * (256 / LOWEST_SCALE) ** (step / 63) for step in range(64)], dtype=torch.float64
)
"""The deviations that have a table, in equal ratios up to 256."""

_LIMITS = (_LEVELS[:-1] * _LEVELS[1:]).sqrt()
"""Between two of them, a deviation is nearest to one level."""


def deviations(scales: Tensor, gain: Tensor | float, floors: Tensor) -> Tensor:
    """Return the standard deviations of y - mean, (B, C, h, w).

    Args:
        scales: output of the scale network, (B, C, h, w).
        gain: its factor.
        floors: (C, 1, 1).
    """
    cubes = (gain * scales).abs() ** _POWER + floors**_POWER
    return cubes ** (1 / _POWER)


class ComponentModel:
    """The probabilities of the latents of luma, or of chroma.

    Args:
        prior: the fitted values.
        tables: the tables of both components.
        first: the number of the table of the first channel of z.
    """

    def __init__(self, prior: ComponentPrior, tables: GaussianTables, first: int) -> None:
        self._gain, self._floors, self._tables = prior.gain, _vector(prior.floors), tables
        self._means, self._scales = _vector(prior.hyper_means), _vector(prior.hyper_scales)
        self._hyper_tables = first + torch.arange(len(prior.hyper_means)).view(-1, 1, 1)

    def hyper_tables(self, size: tuple[int, int]) -> Tensor:
        """Return the number of the table of each symbol of z, (1, C, *size)."""
        return self._hyper_tables.expand(1, -1, *size)

    def latent_tables(self, scales: Tensor) -> Tensor:
        """Return the number of the table of each symbol of y - mean, (B, C, h, w)."""
        found = deviations(scales.detach(), self._gain, self._floors.to(scales))
        return torch.searchsorted(_LIMITS.to(found), found)

    def hyper_bits(self, hyper: Tensor) -> Tensor:
        """Return the bits of z before rounding, (B, C, h, w), see `GaussianTables.bits`."""
        means, scales = self._means.to(hyper), self._scales.to(hyper)
        return self._tables.bits(hyper, self._hyper_tables, means, scales)

    def latent_bits(self, residuals: Tensor, scales: Tensor) -> Tensor:
        """Return the bits of y - mean before rounding, (B, C, h, w).

        Args:
            residuals: y - mean, (B, C, h, w).
            scales: output of the scale network, (B, C, h, w).
        """
        wide = deviations(scales, self._gain, self._floors.to(scales))
        centre = residuals.new_zeros(())
        return self._tables.bits(residuals, self.latent_tables(scales), centre, wide)


class EntropyModel:
    """The probabilities of all latents, and the tables of the one stream that they are coded in.

    Attributes:
        tables: one for each deviation in `_LEVELS`, then one for each channel of z, luma first.
        luma: the probabilities of luma.
        chroma: the probabilities of chroma.
    """

    def __init__(self, prior: Prior) -> None:
        centre = torch.zeros_like(_LEVELS)
        parts = (prior.luma, prior.chroma)
        means = torch.cat((centre, *(_vector(one.hyper_means).flatten() for one in parts)))
        scales = torch.cat((_LEVELS, *(_vector(one.hyper_scales).flatten() for one in parts)))
        self.tables = GaussianTables(means, scales)
        luma_end = len(_LEVELS) + len(prior.luma.hyper_means)
        self.luma = ComponentModel(prior.luma, self.tables, len(_LEVELS))
        self.chroma = ComponentModel(prior.chroma, self.tables, luma_end)


def _vector(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)
