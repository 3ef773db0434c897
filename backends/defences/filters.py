"""Defences that filter a picture before encoding, to remove the perturbation.

The bitstream is the codec's own and holds no additional information. The filter also removes parts
of the picture itself, and the scores include this loss, because they compare with the source.

    Guo et al. (bit depth, recompression), https://arxiv.org/abs/1711.00117
    Xu et al., Feature squeezing (bit depth, median), https://arxiv.org/abs/1704.01155
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from bench.codec import Codec, Image
from bench.defence import Layer, at_levels, only, straight_through
from bench.tensors import to_image, to_tensor
from bench.wrapping import layered


class Filter(Layer):
    """A filter of float pictures, rounded to 8 bits; both a layer and the defence made of it."""

    gradient: ClassVar[str] = "exact; identity for the rounding to 8 bits"

    @abstractmethod
    def filtered(self, images: Tensor) -> Tensor:
        """Return filtered pictures, float (B, 3, H, W) in [0, 1], not rounded."""

    @property
    def identity(self) -> str:
        return str(self)

    def before(self, image: Image) -> Image:
        return to_image(self.filtered(to_tensor(image)))

    def relaxed_before(self, images: Tensor) -> Tensor:
        return at_levels(self.filtered(images))

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the filter in front of it."""
        return layered(only(self), 0, codec)


@dataclass(frozen=True)
class BitDepth(Filter):
    """Rounding of every value to fewer bits (Xu et al. 2017).

    Args:
        bits: number of bits per value.
    """

    gradient: ClassVar[str] = "identity for the rounding (BPDA)"
    bits: Annotated[int, Field(ge=1, le=7)] = 5

    def filtered(self, images: Tensor) -> Tensor:
        """Return the nearest of 2^bits equally spaced values."""
        top = 2**self.bits - 1
        return straight_through((images * top).round() / top, images)


@dataclass(frozen=True)
class Resize(Filter):
    """Bicubic downscaling with anti-aliasing, followed by bicubic upscaling.

    Args:
        scale: ratio of the small picture's sides to the picture's sides.
    """

    scale: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def filtered(self, images: Tensor) -> Tensor:
        """Return the pictures after downscaling and upscaling, clipped to [0, 1]."""
        sides = [max(1, round(side * self.scale)) for side in images.shape[-2:]]
        small = functional.interpolate(images, sides, mode="bicubic", antialias=True)
        large = functional.interpolate(small, images.shape[-2:], mode="bicubic", antialias=True)
        return large.clamp(0, 1)


@dataclass(frozen=True)
class Gaussian(Filter):
    """Gaussian blur with edge padding.

    Args:
        sigma: standard deviation of the Gaussian, in pixels.
    """

    sigma: Annotated[float, Field(gt=0, le=10)] = 0.7

    def filtered(self, images: Tensor) -> Tensor:
        """Return blurred pictures."""
        return _blurred(images, self.sigma)


@dataclass(frozen=True)
class Unsharp(Filter):
    """Unsharp masking: the picture plus a multiple of what a Gaussian blur takes away, clipped.

    Args:
        amount: the multiple.
        sigma: standard deviation of the Gaussian, in pixels.
    """

    amount: Annotated[float, Field(gt=0, le=10)] = 1.0
    sigma: Annotated[float, Field(gt=0, le=10)] = 1.0

    def filtered(self, images: Tensor) -> Tensor:
        """Return sharpened pictures, clipped to [0, 1]."""
        return (images + self.amount * (images - _blurred(images, self.sigma))).clamp(0, 1)


@dataclass(frozen=True)
class Median(Filter):
    """Median filter on square neighbourhoods of each channel, with edge padding (Xu et al. 2017).

    Args:
        size: side of the neighbourhood, in pixels.
    """

    size: Literal[3, 5, 7] = 3

    def filtered(self, images: Tensor) -> Tensor:
        """Return the medians; the gradient flows to the value that is the median."""
        return _neighbours(images, self.size // 2).median(-1).values


@dataclass(frozen=True)
class Bilateral(Filter):
    """Bilateral filter with edge padding (Tomasi & Manduchi 1998, ICCV).

    The weights fall with the distance in space and with the colour distance over all three
    channels.

    Args:
        space: standard deviation of the spatial Gaussian, in pixels.
        colour: standard deviation of the colour Gaussian, in 8-bit levels.
    """

    space: Annotated[float, Field(gt=0, le=5)] = 1.5
    colour: Annotated[float, Field(gt=0)] = 20.0

    def filtered(self, images: Tensor) -> Tensor:
        """Return the weighted means of each pixel's neighbourhood."""
        reach = math.ceil(2 * self.space)
        neighbours = _neighbours(images, reach)
        squared = (neighbours - images.unsqueeze(-1)).square().sum(1, keepdim=True)
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        distance = (offsets[:, None] ** 2 + offsets**2).flatten() / (2 * self.space**2)
        weights = torch.exp(-distance - squared * (255**2 / (2 * self.colour**2)))
        mean: Tensor = (weights * neighbours).sum(-1) / weights.sum(-1)
        return mean


def _blurred(images: Tensor, sigma: float) -> Tensor:
    """Return pictures after a Gaussian blur with edge padding."""
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    across = functional.conv2d(padded, kernel, groups=3)
    return functional.conv2d(across, kernel.transpose(-1, -2), groups=3)


def _neighbours(images: Tensor, reach: int) -> Tensor:
    """Return each value's square neighbourhood, (B, 3, H, W, (2 reach + 1)^2), edge-padded."""
    side = 2 * reach + 1
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    return padded.unfold(2, side, 1).unfold(3, side, 1).flatten(-2)
