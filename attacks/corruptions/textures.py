"""Random textures of weather: fog, and a stand-in for photographs of frost."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft2, rfft2

from attacks.corruptions.filters import Floats, Rng

_FOG_SIDE = 256
"""Smallest side of a fog map, in pixels."""

_FIRST_WIBBLE = 100.0

_FROST_LEVELS = (0.48, 0.81)
"""Range of the mean level; 0.48 to 0.81 in the five photographs from which ImageNet-C draws."""

_FROST_CONTRAST = 0.12
"""Standard deviation of the levels; 0.06 to 0.17 in these photographs."""

_FROST_TINT = (0.89, 1.02, 1.09)
"""Mean red, green and blue relative to the mean level in these photographs."""

_OCTAVES = 7
_FINEST = 0.35
"""Frequency of the finest octave of frost, in cycles per pixel."""


def plasma(height: int, width: int, decay: float, rng: Rng) -> Floats:
    """Return a fractal map from the diamond-square algorithm, (height, width), from 0 to 1.

    The map is a torus whose side is a power of two, at least 256 and at least the larger side of
    the picture, so its largest clouds grow with large pictures.

    Args:
        height: number of rows.
        width: number of columns.
        decay: factor by which the random displacements shrink from one scale to the next; they
            enter squared.
        rng: the random numbers.
    """
    side = _FOG_SIDE
    while side < max(height, width):
        side *= 2
    clouds = np.zeros((side, side))
    step, wibble = side, _FIRST_WIBBLE
    while step >= 2:
        _refine(clouds, step, wibble**2, rng)
        step //= 2
        wibble /= decay
    clouds -= clouds.min()
    scaled: Floats = clouds / clouds.max()
    return scaled[:height, :width]


def _refine(clouds: Floats, step: int, size: float, rng: Rng) -> None:
    """Fill in the centres of all squares of side `step`, and then those of all diamonds."""
    half = step // 2
    corners = clouds[::step, ::step]
    squares = corners + np.roll(corners, -1, axis=0)
    squares += np.roll(squares, -1, axis=1)
    centres = squares / 4 + size * rng.uniform(-1, 1, squares.shape)
    clouds[half::step, half::step] = centres
    for axis, rows, columns in ((0, 0, half), (1, half, 0)):
        sums = centres + np.roll(centres, 1, axis=axis)
        sums = sums + corners + np.roll(corners, -1, axis=1 - axis)
        clouds[rows::step, columns::step] = sums / 4 + size * rng.uniform(-1, 1, sums.shape)


def frost_texture(height: int, width: int, rng: Rng) -> Floats:
    """Return a bluish texture of fine bright veins, (height, width, 3), from 0 to 1.

    It replaces the photographs of ImageNet-C, which cannot be shipped. The range of its mean level,
    its contrast, its tint and the equal power of its octaves are like theirs; its shapes are not.
    The veins are the zeros of band-passed noise, one octave after another.
    """
    level = rng.uniform(*_FROST_LEVELS)
    waves = rfft2(rng.normal(size=(height, width)))
    columns = np.fft.rfftfreq(width)
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], columns).clip(1e-9)
    veins = np.zeros((height, width))
    for octave in range(_OCTAVES):
        gain = np.exp(-2 * np.log2(frequency * 2**octave / _FINEST) ** 2)
        band = irfft2(waves * gain, (height, width))
        veins -= _standard(np.abs(band))
    grey = level + _FROST_CONTRAST * _standard(veins)
    return (grey[..., np.newaxis] * _FROST_TINT).clip(0, 1)


def _standard(plane: Floats) -> Floats:
    """Return a plane with the mean 0 and the variance 1; zeros if it is flat."""
    spread = float(plane.std())
    return (plane - plane.mean()) / spread if spread > 1e-9 else np.zeros_like(plane)
