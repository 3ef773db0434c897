"""Fit the basis of the `pca` codec to the bundled sample photographs.

python fit.py
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.codec import Image
from bench.images.image_set import ImageSpec, load

BLOCKS = 4000
SIDE = 8


def blocks(pixels: Image, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return random blocks of a picture, one per row, channel by channel, (BLOCKS, 192)."""
    tops, lefts = (rng.integers(side - SIDE + 1, size=BLOCKS) for side in pixels.shape[:2])
    crops = [pixels[t : t + SIDE, x : x + SIDE] for t, x in zip(tops, lefts, strict=True)]
    rows: npt.NDArray[np.float64] = np.stack(crops).transpose(0, 3, 1, 2).reshape(BLOCKS, -1) / 255
    return rows - 0.5


def main() -> None:
    """Write the principal components of all blocks, in order of decreasing variance."""
    rng = np.random.default_rng(0)
    photographs = load(ImageSpec(set="sample"), Path())
    rows = np.concatenate([blocks(photograph.pixels, rng) for photograph in photographs])
    _, _, basis = np.linalg.svd(rows.T @ rows)
    np.save(Path(__file__).parent / "example_codecs/basis.npy", basis.astype(np.float16))


main()
