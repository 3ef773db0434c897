"""A contact sheet of one attacked picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from bench.inspection.bit_allocation import Map
from bench.store.records import Scores

AMPLIFIED = 8


def amplified(source: Image, attacked: Image) -> Image:
    """Return the change of a picture, eight times as large, around mid-grey."""
    change = (attacked.astype(np.int64) - source) * AMPLIFIED + 128
    levels: Image = change.clip(0, 255).astype(np.uint8)
    return levels


def bit_maps(maps: tuple[Map, Map], source: Image) -> dict[str, Image]:
    """Return where the bits went as grey pictures of the source's size, by the names of files.

    Args:
        maps: bits by place of the source and of the adversarial picture; white is the most of both.
        source: whose size they get.
    """
    most = max(1e-12, *(float(bits.max()) for bits in maps))
    levels = [(np.asarray(bits) / most * 255).round().astype(np.uint8) for bits in maps]
    height, width, _ = source.shape
    grown = [
        Pillow.fromarray(one).resize((width, height), Pillow.Resampling.NEAREST) for one in levels
    ]
    names = ("bits-source.png", "bits-adversarial.png")
    return {name: np.asarray(one) for name, one in zip(names, grown, strict=True)}


def draw(
    path: Path,
    caption: str,
    images: Mapping[str, Image],
    maps: tuple[Map, Map] | None,
    scores: Scores,
) -> None:
    """Draw six pictures, what the scores say of them, and where the bits went.

    Args:
        path: of the PNG.
        caption: what was attacked, how, and how far.
        images: source, adversarial; both decoded; how both pairs differ.
        maps: bits by place of the source and the adversarial picture, if known.
        scores: of the adversarial picture.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second to import

    columns = 3 if maps is None else 4
    figure = Figure(figsize=(3.4 * columns, 7.8), layout="constrained")
    axes = figure.subplots(2, columns)
    for axis in axes.flat:
        axis.set_axis_off()
    places = axes[:, :3].T.flat
    for axis, image, title in zip(places, images.values(), _titles(scores), strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title, fontsize=9)
    if maps is not None:
        most = max(float(bits.max()) for bits in maps)
        for axis, bits, whose in zip(axes[:, 3], maps, ("source", "adversarial"), strict=True):
            shown = axis.imshow(bits, vmin=0, vmax=most, interpolation="nearest")
            axis.set_title(f"bits by latent, {whose}", fontsize=9)
            figure.colorbar(shown, ax=axis, shrink=0.7)
    figure.suptitle(textwrap.fill(caption, 32 * columns), fontsize=11)
    figure.savefig(path, dpi=110)


def _titles(scores: Scores) -> tuple[str, ...]:
    return (
        "source",
        f"adversarial, {scores.psnr_perturbation:.2f} dB from the source",
        f"source decoded\n{scores.psnr_clean:.2f} dB, {scores.bpp_clean:.3f} bpp",
        f"adversarial decoded\n{scores.psnr_source:.2f} dB, {scores.bpp:.3f} bpp",
        f"change of the picture, x{AMPLIFIED}",
        f"change of what is decoded, x{AMPLIFIED}",
    )
