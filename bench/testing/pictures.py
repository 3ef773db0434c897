"""Small test pictures that are difficult for codecs, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bench.codec import Image

SIZES = ((1, 1), (1, 7), (7, 1), (2, 2), (8, 8), (17, 33), (33, 16), (64, 80))
"""Heights and widths. Single pixels, odd sides, not square, whole blocks and one pixel more."""


def waves(height: int, width: int) -> Image:
    """Return smooth colours with a little noise, similar to a photograph, uint8 (H, W, 3)."""
    rows, columns = np.mgrid[:height, :width]
    smooth = [128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (14, 7), (20, 30))]
    grain = np.random.default_rng(2).normal(0, 3, (height, width, 3))
    image: Image = (np.stack(smooth, axis=-1) + grain).clip(0, 255).astype(np.uint8)
    return image


def noise(height: int, width: int) -> Image:
    """Return independent uniform noise, the most expensive picture to code, uint8 (H, W, 3)."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def grey(height: int, width: int) -> Image:
    """Return a picture with equal R, G and B, uint8 (H, W, 3)."""
    return np.repeat(waves(height, width)[..., :1], 3, axis=2)


def flat(level: int, height: int, width: int) -> Image:
    """Return a picture with one level (0 to 255) everywhere, uint8 (H, W, 3)."""
    return np.full((height, width, 3), level, np.uint8)


PICTURES: Mapping[str, Callable[[int, int], Image]] = {
    "waves": waves,
    "noise": noise,
    "grey": grey,
    "black": partial(flat, 0),
    "white": partial(flat, 255),
}
