"""Where in the spectrum a codec makes its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from bench.codec import Image
from bench.metric import Better, check_pair

Band: TypeAlias = Literal["low", "middle", "high"]

_NYQUIST = 0.5
_EDGES: dict[Band, tuple[float, float]] = {
    "low": (0, _NYQUIST / 3),
    "middle": (_NYQUIST / 3, 2 * _NYQUIST / 3),
    "high": (2 * _NYQUIST / 3, np.inf),
}
"""Radial frequencies in cycles per pixel, from and below; the corners of the spectrum are high."""


@dataclass(frozen=True)
class ErrorBands:
    """The part of the mean squared coding error that lies in one band of frequencies.

    The error is C(x') - x', the decoded picture less the one that was coded. Its power spectrum is
    that of Lieberman et al. 2023 (https://arxiv.org/abs/2307.08657), of R, G and B, divided by the
    thirds of the Nyquist frequency. The three bands add up to the mean squared error.

    Args:
        band: the band of radial frequencies, below 1/6, from 1/6 or from 1/3 cycles per pixel.
    """

    unit: ClassVar[str] = "levels²"
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    band: Band

    def against_input(self, coded: Image, decoded: Image) -> float:
        """Return the mean squared error in the band, at least 0, in squared 8-bit levels."""
        check_pair(coded, decoded)
        error = decoded.astype(np.float64) - coded
        height, width, _ = error.shape
        power = np.abs(np.fft.fft2(error, axes=(0, 1))) ** 2 / (height * width) ** 2
        radius = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.fftfreq(width))
        low, high = _EDGES[self.band]
        return float(power.mean(axis=2)[(radius >= low) & (radius < high)].sum())
