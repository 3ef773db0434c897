"""A contact sheet of one attacked picture."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from bench.inspection.bit_allocation import Map
from bench.store.records import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AMPLIFICATION = 8
"""Factor by which differences are amplified."""


def amplified(source: Image, attacked: Image) -> Image:
    """Return the difference attacked - source, amplified, around mid-grey; uint8 (H, W, 3)."""
    difference = (attacked.astype(np.int64) - source) * AMPLIFICATION + 128
    levels: Image = difference.clip(0, 255).astype(np.uint8)
    return levels


def bit_maps(maps: tuple[Map, Map], source: Image) -> dict[str, Image]:
    """Return bit allocations as grey pictures, uint8 (H, W), by file name.

    Args:
        maps: bit allocations of the source and the adversarial picture; white is the maximum of
            both.
        source: the source picture, which gives the size.
    """
    largest = max(1e-12, *(float(bits.max()) for bits in maps))
    levels = [(np.asarray(bits) / largest * 255).round().astype(np.uint8) for bits in maps]
    height, width, _ = source.shape
    pictures = [
        Pillow.fromarray(grey).resize((width, height), Pillow.Resampling.NEAREST) for grey in levels
    ]
    names = ("bits-source.png", "bits-adversarial.png")
    return {name: np.asarray(picture) for name, picture in zip(names, pictures, strict=True)}


def draw(
    caption: str,
    images: Mapping[str, Image],
    maps: tuple[Map, Map] | None,
    scores: Scores,
) -> bytes:
    """Return a PNG of six pictures with their scores, and the bit allocations.

    Args:
        caption: codec, picture, attack and budget.
        images: source and adversarial picture, both reconstructions, and the differences of both
            pairs, by any name in this order.
        maps: bit allocations of the source and the adversarial picture; None if not known.
        scores: scores of the adversarial picture.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second to import

    columns = 3 if maps is None else 4
    figure = Figure(figsize=(3.4 * columns, 7.8), layout="constrained")
    axes = figure.subplots(2, columns)
    for axis in axes.flat:
        axis.set_axis_off()
    picture_axes = axes[:, :3].T.flat
    for axis, image, title in zip(picture_axes, images.values(), _titles(scores), strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title, fontsize=9)
    if maps is not None:
        _draw_maps(figure, axes[:, 3], maps)
    figure.suptitle(textwrap.fill(caption, 32 * columns), fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    return picture.getvalue()


def _draw_maps(figure: Figure, axes: Iterable[Axes], maps: tuple[Map, Map]) -> None:
    largest = max(float(bits.max()) for bits in maps)
    for axis, bits, picture in zip(axes, maps, ("source", "adversarial"), strict=True):
        plot = axis.imshow(bits, vmin=0, vmax=largest, interpolation="nearest")
        axis.set_title(f"bits by latent, {picture}", fontsize=9)
        figure.colorbar(plot, ax=axis, shrink=0.7)


def _titles(scores: Scores) -> tuple[str, ...]:
    return (
        "source",
        f"adversarial, {scores.psnr_perturbation:.2f} dB from the source",
        f"source decoded\n{scores.psnr_clean:.2f} dB, {scores.bpp_clean:.3f} bpp",
        f"adversarial decoded\n{scores.psnr_source:.2f} dB, {scores.bpp:.3f} bpp",
        f"difference of the pictures, x{AMPLIFICATION}",
        f"difference of the reconstructions, x{AMPLIFICATION}",
    )
