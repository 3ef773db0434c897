"""The blurs of ImageNet-C; each takes a picture, a severity from 1 to 5 and random numbers."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from attacks.corruptions.filters import Floats, Rng, convolved, motion_blurred, zoomed

_DISKS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
"""Radius, and standard deviation of the filter that softens the rim of the disk."""

_GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
"""Standard deviation of the filters, farthest exchange, number of passes."""

_MOTIONS = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
"""Radius and standard deviation."""

_ZOOMS = ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03))
"""Number of zooms, the first of which is 1, and their distance."""


def defocus_blur(values: Floats, severity: int, rng: Rng) -> Floats:
    """Convolve with a disk, as a lens out of focus does.

    ImageNet-C cuts the soft rim off at severities 4 and 5: its disks differ there by up to 10.7 %
    of the peak, and their sums are 1.013 and 1.011. Here the disk has its whole rim and the sum 1.
    """
    del rng
    radius, softness = _DISKS[severity - 1]
    return convolved(values, _disk(radius, softness))


def glass_blur(values: Floats, severity: int, rng: Rng) -> Floats:
    """Blur, exchange pixels with near ones, and blur again, as behind frosted glass.

    The code of ImageNet-C assigns views of NumPy arrays, so it copies one pixel of a pair over the
    other. Here the two change places, as its comments say.
    """
    sigma, reach, passes = _GLASS[severity - 1]
    shuffled = _gaussian(values, sigma)
    for _ in range(passes):
        shuffled = _exchanged(shuffled, reach, rng)
    return _gaussian(shuffled, sigma)


def motion_blur(values: Floats, severity: int, rng: Rng) -> Floats:
    """Blur along a line at most 45 degrees from the horizontal."""
    radius, sigma = _MOTIONS[severity - 1]
    return motion_blurred(values, radius, sigma, np.deg2rad(rng.uniform(-45, 45)))


def zoom_blur(values: Floats, severity: int, rng: Rng) -> Floats:
    """Return the mean of the picture and of enlargements of its centre.

    ImageNet-C crops whole pixels before it enlarges them; here the centre stays where it is.
    """
    del rng
    count, step = _ZOOMS[severity - 1]
    total = values.copy()
    for number in range(count):
        total += zoomed(values, 1 + number * step)
    mean: Floats = total / (count + 1)
    return mean


def _disk(radius: int, softness: float) -> Floats:
    """Return a disk with a soft rim, (K, K), with the sum 1."""
    rim = 1 if radius <= 8 else 2
    side = np.arange(-radius - rim, radius + rim + 1)
    inside = (side[:, np.newaxis] ** 2 + side**2 <= radius**2).astype(np.float64)
    soft: Floats = gaussian_filter(inside, softness, radius=rim, mode="constant")
    disk: Floats = soft / soft.sum()
    return disk


def _gaussian(values: Floats, sigma: float) -> Floats:
    smooth: Floats = gaussian_filter(values, (sigma, sigma, 0), mode="nearest")
    return smooth


def _exchanged(values: Floats, reach: int, rng: Rng) -> Floats:
    """Exchange each pixel with one at most `reach` rows and columns away, from the end on."""
    height, width, _ = values.shape
    rows, columns = (np.arange(side - reach, reach, -1) for side in (height, width))
    places = (rows[:, np.newaxis] * width + columns).ravel()
    moves = rng.randint(-reach, reach, size=(2, len(places)))
    partners = places + moves[0] * width + moves[1]
    order = list(range(height * width))  # a list: each exchange depends on those before it
    for place, partner in zip(places.tolist(), partners.tolist(), strict=True):
        order[place], order[partner] = order[partner], order[place]
    mixed: Floats = values.reshape(-1, values.shape[2])[order].reshape(values.shape)
    return mixed
