"""What several corruptions need: a blur along a line, a zoom into the centre, a convolution."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn, idctn, irfft2, next_fast_len, rfft2

Floats: TypeAlias = npt.NDArray[np.float64]
"""A picture with values from 0 to 1, float64 (H, W, 3), or one plane of it, (H, W)."""

Rng: TypeAlias = np.random.RandomState
"""Random numbers. Unlike those of `numpy.random.Generator`, the streams of this class stay the same
in every version of NumPy."""


def motion_blurred(values: Floats, radius: int, sigma: float, angle: float) -> Floats:
    """Return the mean along a line that begins at each pixel, with half-Gaussian weights.

    The line has 2 radius + 1 whole-pixel steps, as in ImageMagick's MotionBlur. Values beyond the
    edge are those of the edge.

    Args:
        values: float64 (H, W, C).
        radius: half of the length of the line, in pixels.
        sigma: standard deviation of the weights, in pixels.
        angle: direction of the line in radians, from the row of the pixel.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    height, width, _ = values.shape
    margin = 2 * radius
    padded = np.pad(values, ((margin, margin), (margin, margin), (0, 0)), "edge")
    blurred = np.zeros_like(values)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        top = margin + round(step * np.sin(angle))
        left = margin + round(step * np.cos(angle))
        blurred += weight * padded[top : top + height, left : left + width]
    return blurred


def zoomed(values: Floats, factor: float) -> Floats:
    """Return a picture of the same size that shows the centre enlarged, by linear interpolation.

    Args:
        values: float64 (H, W, C).
        factor: the enlargement, at least 1.
    """
    return _stretched(_stretched(values, factor, axis=0), factor, axis=1)


def _stretched(values: Floats, factor: float, axis: int) -> Floats:
    """Enlarge the centre of a picture along one axis."""
    size = values.shape[axis]
    centre = (size - 1) / 2
    places = centre + (np.arange(size) - centre) / factor
    before = np.floor(places).astype(int).clip(0, max(0, size - 2))
    shape = [-1 if one == axis else 1 for one in range(values.ndim)]
    low: Floats = values.take(before, axis)
    steps = values.take(np.minimum(before + 1, size - 1), axis)
    steps -= low
    steps *= (places - before).reshape(shape)
    low += steps  # in place: half the time on large pictures
    return low


def convolved(values: Floats, kernel: Floats) -> Floats:
    """Return the convolution of each plane with a kernel; the picture is mirrored at its edges.

    Args:
        values: float64 (H, W, 3).
        kernel: float64 (K, K), K odd, symmetric.
    """
    margin = len(kernel) // 2
    padded = np.pad(values, ((margin, margin), (margin, margin), (0, 0)), "reflect")
    size = [next_fast_len(side, real=True) for side in padded.shape[:2]]
    product = rfft2(padded, size, axes=(0, 1)) * rfft2(kernel, size)[..., np.newaxis]
    whole = irfft2(product, size, axes=(0, 1))
    height, width, _ = values.shape
    inside: Floats = whole[2 * margin : 2 * margin + height, 2 * margin : 2 * margin + width]
    return inside


def smoothed(plane: Floats, sigma: float) -> Floats:
    """Return a plane (H, W) after a Gaussian filter that mirrors it at its edges.

    The cosine transform makes the time independent of `sigma`, the standard deviation in pixels.
    """
    waves = [np.pi * np.arange(side) / side for side in plane.shape]
    gains = [np.exp(-((wave * sigma) ** 2) / 2) for wave in waves]
    smooth: Floats = idctn(dctn(plane) * np.outer(*gains))
    return smooth
