"""The ten networks of JPEG AI Verification Model 3.3, and how they fit together.

::

    luma     Y  --analysis-->  y  --hyper analysis-->  z        y is 1/16, z 1/64 of the picture
    chroma   means of 2x2 pixels of Y, U and V, then the same   y is 1/32, z 1/128 of the picture
             z  --means, scales-->  the distribution of y
    picture  y  --synthesis, pixel shuffle-->  planes; chroma sees every second luma latent, too

What each network takes and returns was found out with their files alone: no document says it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from jpeg_ai_networks.folder import FILES
from jpeg_ai_networks.graph import Graph

UNIT = 32
"""Sides of a coded picture are multiples of it, so that each chroma latent has 2x2 luma latents."""

HYPER_UNIT = 4
"""A latent of z stands for 4x4 latents of y."""

_HALF_RANGE = 127.5
_UPSCALING = 4
"""The synthesis networks return a quarter of the plane's sides, and 4x4 pixels in each place."""


class Pair(NamedTuple):
    """One tensor of the luma networks, and one of the chroma networks."""

    luma: Tensor
    chroma: Tensor


@dataclass(frozen=True)
class Component:
    """The five networks of luma, or of chroma."""

    analysis: Graph
    hyper_analysis: Graph
    means: Graph
    scales: Graph
    synthesis: Graph

    def prediction(self, hyper: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return the means of y and the output of the scale network, both (B, C, *size).

        Args:
            hyper: z as it is coded, (B, C, h, w).
            size: height and width of y, more than `HYPER_UNIT` times (h - 1, w - 1).
        """
        rows, columns = size
        means, scales = self.means(hyper), self.scales(hyper)
        return means[..., :rows, :columns], scales[..., :rows, :columns]

    def graphs(self) -> Iterator[Graph]:
        """Yield the five networks."""
        yield from (self.analysis, self.hyper_analysis, self.means, self.scales, self.synthesis)


@dataclass(frozen=True)
class Networks:
    """All ten networks."""

    luma: Component
    chroma: Component

    @property
    def digest(self) -> str:
        """The hash of the ten files."""
        graphs = (*self.luma.graphs(), *self.chroma.graphs())
        return hashlib.sha256("".join(one.digest for one in graphs).encode()).hexdigest()[:16]

    def analyse(self, images: Tensor) -> Pair:
        """Return the latents of pictures, float (B, 3, H, W) in [0, 1], sides multiples of 32."""
        planes = _levels_of_ycbcr(images)
        return Pair(
            self.luma.analysis(planes[:, :1]),
            self.chroma.analysis(functional.avg_pool2d(planes, 2)),
        )

    def synthesise(self, latents: Pair) -> Tensor:
        """Return the pictures of decoded latents, (B, 3, H, W), nominally in [0, 1]."""
        seen = torch.cat((latents.luma[..., ::2, ::2], latents.chroma), 1)
        luma = _plane(self.luma.synthesis(latents.luma))
        chroma = _plane(self.chroma.synthesis(seen))
        wide = functional.interpolate(chroma, scale_factor=2.0, mode="bilinear")
        return _rgb(torch.cat((luma, wide), 1))


def read(folder: Path) -> Networks:
    """Return the networks of a folder, see `jpeg_ai_networks.folder`.

    Raises:
        ConfigError: a file is not a network of this kind.
    """
    return Networks(_component(folder, "y"), _component(folder, "uv"))


def padded(images: Tensor) -> Tensor:
    """Return pictures that are edge-padded below and on the right to multiples of `UNIT`."""
    bottom, right = (-side % UNIT for side in images.shape[-2:])
    if bottom or right:
        images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
    return images


def size_of(latents: Tensor) -> tuple[int, int]:
    """Return the height and the width of latents."""
    rows, columns = latents.shape[-2:]
    return rows, columns


def _component(folder: Path, part: str) -> Component:
    return Component(**{role: Graph(folder / name.format(part)) for role, name in FILES.items()})


def _plane(output: Tensor) -> Tensor:
    return functional.pixel_shuffle(output, _UPSCALING) * 128 + _HALF_RANGE


def _levels_of_ycbcr(images: Tensor) -> Tensor:
    """Return full-range BT.709 Y, Cb + 128 and Cr + 128 in levels of 8 bits."""
    red, green, blue = (255 * images).unbind(1)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return torch.stack((luma, (blue - luma) / 1.8556 + 128, (red - luma) / 1.5748 + 128), 1)


def _rgb(planes: Tensor) -> Tensor:
    luma, cb, cr = planes.unbind(1)
    blue, red = luma + 1.8556 * (cb - 128), luma + 1.5748 * (cr - 128)
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    return torch.stack((red, green, blue), 1) / 255
