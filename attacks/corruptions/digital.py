"""The digital artefacts of ImageNet-C; each takes a picture, a severity and random numbers."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures
from scipy.ndimage import map_coordinates

from attacks.corruptions.filters import Floats, Rng, smoothed

_CONTRASTS = (0.4, 0.3, 0.2, 0.1, 0.05)
_ELASTIC = (
    (488.0, 170.8, 24.4),
    (488.0, 19.52, 48.8),
    (12.2, 2.44, 4.88),
    (17.08, 2.44, 4.88),
    (29.28, 2.44, 4.88),
)
"""Size and smoothness of the local displacement, and size of the affine one, in pixels."""

_SIDE = 224
"""Side of the pictures of ImageNet-C."""

_PIXELS = (0.6, 0.5, 0.4, 0.3, 0.25)
_QUALITIES = (25, 18, 15, 10, 7)


def contrast(values: Floats, severity: int, rng: Rng) -> Floats:
    """Move every value towards the mean of its colour channel."""
    del rng
    means = values.mean(axis=(0, 1), keepdims=True)
    flat: Floats = means + _CONTRASTS[severity - 1] * (values - means)
    return flat


def elastic_transform(values: Floats, severity: int, rng: Rng) -> Floats:
    """Move pixels by a random affine map and then by a random smooth displacement.

    The displacements are in pixels. They shrink with pictures of less than 224 pixels a side. Their
    Gaussian filter is not truncated; that of ImageNet-C ends at three standard deviations.
    """
    height, width, _ = values.shape
    scale = min(1.0, min(height, width) / _SIDE)
    reach, smoothness, jitter = (scale * size for size in _ELASTIC[severity - 1])
    grid = np.mgrid[:height, :width].astype(np.float64)
    moved = _sampled(values, _affine(grid, jitter, rng), "mirror")
    shifts = [reach * smoothed(rng.uniform(-1, 1, (height, width)), smoothness) for _ in range(2)]
    return _sampled(moved, grid + np.stack(shifts), "reflect")


def pixelate(values: Floats, severity: int, rng: Rng) -> Floats:
    """Shrink the picture to means of boxes, and enlarge it again without interpolation."""
    del rng
    picture = Pictures.fromarray(_levels(values))
    share = _PIXELS[severity - 1]
    small = [max(1, int(side * share)) for side in picture.size]
    box = Pictures.Resampling.BOX
    coarse = picture.resize((small[0], small[1]), box).resize(picture.size, box)
    return np.asarray(coarse) / 255


def jpeg_compression(values: Floats, severity: int, rng: Rng) -> Floats:
    """Code the picture as JPEG with Pillow's default of 4:2:0, and decode it."""
    del rng
    file = io.BytesIO()
    Pictures.fromarray(_levels(values)).save(file, "JPEG", quality=_QUALITIES[severity - 1])
    with Pictures.open(file) as coded:
        return np.asarray(coded.convert("RGB")) / 255


def _levels(values: Floats) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return levels


def _affine(grid: Floats, jitter: float, rng: Rng) -> Floats:
    """Return where each pixel comes from, (2, H, W), if three points move at random.

    Args:
        grid: row and column of each pixel, (2, H, W).
        jitter: how far each coordinate of a point moves at most.
        rng: the random numbers.
    """
    height, width = grid.shape[1:]
    size = min(height, width) / 3
    points = np.array([height // 2, width // 2]) + size * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + rng.uniform(-jitter, jitter, points.shape)
    back = np.linalg.solve(np.c_[moved, np.ones(3)], points)
    places: Floats = np.tensordot(back[:2].T, grid, 1) + back[2][:, np.newaxis, np.newaxis]
    return places


def _sampled(values: Floats, places: Floats, mode: str) -> Floats:
    """Return the values at some places, (2, H, W), by linear interpolation."""
    channels = [
        map_coordinates(values[..., channel], places, order=1, mode=mode) for channel in range(3)
    ]
    return np.stack(channels, axis=2)
