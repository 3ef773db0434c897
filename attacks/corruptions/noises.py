"""The noises of ImageNet-C; each takes a picture, a severity from 1 to 5 and random numbers."""

from __future__ import annotations

import numpy as np

from attacks.corruptions.filters import Floats, Rng

_GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)
_PHOTONS = (60, 25, 12, 5, 3)
_IMPULSES = (0.03, 0.06, 0.09, 0.17, 0.27)


def gaussian_noise(values: Floats, severity: int, rng: Rng) -> Floats:
    """Add independent Gaussian noise to every value."""
    return values + _GAUSSIAN[severity - 1] * rng.normal(size=values.shape)


def shot_noise(values: Floats, severity: int, rng: Rng) -> Floats:
    """Replace every value by a Poisson count of photons, in the unit of a full-scale value."""
    photons = _PHOTONS[severity - 1]
    return rng.poisson(values * photons) / photons


def impulse_noise(values: Floats, severity: int, rng: Rng) -> Floats:
    """Replace a share of the values by 0 or 1, each with equal probability."""
    is_hit = rng.uniform(size=values.shape) < _IMPULSES[severity - 1]
    extremes = rng.uniform(size=values.shape) < 0.5
    return np.where(is_hit, extremes, values)
