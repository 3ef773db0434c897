"""Synthetic pictures, uint8 (H, W, 3)."""

from __future__ import annotations

import numpy as np


def smooth(height, width):
    """Coloured waves."""
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (14, 7), (20, 30))]
    return np.stack(waves, axis=-1).astype(np.uint8)


def noise(height, width):
    """Uniform noise, the same for the same size."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
