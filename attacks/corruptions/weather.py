"""The weather of ImageNet-C; each takes a picture, a severity from 1 to 5 and random numbers."""

from __future__ import annotations

import numpy as np

from attacks.corruptions.filters import Floats, Rng, motion_blurred, zoomed
from attacks.corruptions.textures import frost_texture, plasma

_FLAKES = ((0.1, 3, 0.5), (0.2, 2, 0.5), (0.55, 4, 0.9), (0.55, 4.5, 0.85), (0.55, 2.5, 0.85))
"""Mean of the noise that becomes flakes, its zoom, and the level below which there is no flake."""

_FALLS = ((10, 4, 0.8), (12, 4, 0.7), (12, 8, 0.7), (12, 8, 0.65), (12, 12, 0.55))
"""Radius and standard deviation of the fall, and the share of the picture that is not whitened."""

_SPREAD = 0.3
"""Standard deviation of the noise that becomes flakes."""

_LUMA = (0.299, 0.587, 0.114)
_FROSTS = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
"""Weights of the picture and of the frost."""

_FOGS = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
"""Weight of the fog, and the decay of its details."""

_LIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5)


def snow(values: Floats, severity: int, rng: Rng) -> Floats:
    """Whiten the picture and add falling flakes, each also upside down."""
    mean, size, least = _FLAKES[severity - 1]
    radius, sigma, share = _FALLS[severity - 1]
    flakes = zoomed(rng.normal(mean, _SPREAD, values.shape[:2])[..., np.newaxis], size)
    flakes = np.where(flakes < least, 0, flakes.clip(0, 1))
    flakes = motion_blurred(flakes, radius, sigma, np.deg2rad(rng.uniform(-135, -45)))
    grey = (values @ np.array(_LUMA))[..., np.newaxis]
    pale = share * values + (1 - share) * np.maximum(values, 1.5 * grey + 0.5)
    return pale + flakes + flakes[::-1, ::-1]


def frost(values: Floats, severity: int, rng: Rng) -> Floats:
    """Mix the picture with a texture of frost, which replaces the photographs of ImageNet-C."""
    picture, ice = _FROSTS[severity - 1]
    height, width, _ = values.shape
    return picture * values + ice * frost_texture(height, width, rng)


def fog(values: Floats, severity: int, rng: Rng) -> Floats:
    """Add a fractal fog and keep the brightest value of the picture."""
    weight, decay = _FOGS[severity - 1]
    height, width, _ = values.shape
    most = values.max()
    foggy = values + weight * plasma(height, width, decay, rng)[..., np.newaxis]
    scaled: Floats = foggy * (most / (most + weight))
    return scaled


def brightness(values: Floats, severity: int, rng: Rng) -> Floats:
    """Raise the value of each pixel in HSV; hue and saturation stay.

    Value is the largest of red, green and blue. With the same hue and saturation, all three grow by
    the same factor. Black becomes grey.
    """
    del rng
    value = values.max(axis=2, keepdims=True)
    lighter = np.minimum(value + _LIGHTS[severity - 1], 1)
    factor = np.divide(lighter, value, out=np.zeros_like(value), where=value > 0)
    return np.where(value > 0, values * factor, lighter)
