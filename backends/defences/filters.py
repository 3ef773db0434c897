"""Defences that change a picture before it is coded, to lose what an attacker put into it.

The decoder needs to be told nothing: the stream is one of the codec inside. What is lost of the
picture itself is lost for good, and counted, since scores are against the source.

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
    """A function of float pictures, rounded to 8 bits; itself the defence that applies it."""

    gradient: ClassVar[str] = "exact, but for the rounding to 8 bits, which is the identity"

    @abstractmethod
    def filtered(self, images: Tensor) -> Tensor:
        """Return filtered pictures, (B, 3, H, W) in [0, 1], not rounded."""

    @property
    def identity(self) -> str:
        return str(self)

    def before(self, image: Image) -> Image:
        return to_image(self.filtered(to_tensor(image)))

    def relaxed_before(self, images: Tensor) -> Tensor:
        return at_levels(self.filtered(images))

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of filtered pictures."""
        return layered(only(self), 0, codec)


@dataclass(frozen=True)
class BitDepth(Filter):
    """Levels rounded to fewer bits.

    Args:
        bits: how many a value has.
    """

    gradient: ClassVar[str] = "identity, of its rounding (BPDA)"
    bits: Annotated[int, Field(ge=1, le=7)] = 5

    def filtered(self, images: Tensor) -> Tensor:
        """Return the nearest of 2^bits equally spaced values."""
        top = 2**self.bits - 1
        return straight_through((images * top).round() / top, images)


@dataclass(frozen=True)
class Resize(Filter):
    """Made smaller and then larger again, both bicubic, smoothed before it is made smaller.

    Args:
        scale: the sides of the smaller picture by those of the picture.
    """

    scale: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def filtered(self, images: Tensor) -> Tensor:
        """Return what is left of the pictures after going through the smaller ones."""
        sides = [max(1, round(side * self.scale)) for side in images.shape[-2:]]
        small = functional.interpolate(images, sides, mode="bicubic", antialias=True)
        back = functional.interpolate(small, images.shape[-2:], mode="bicubic", antialias=True)
        return back.clamp(0, 1)


@dataclass(frozen=True)
class Gaussian(Filter):
    """Smoothed by a Gaussian, edges repeated.

    Args:
        sigma: its standard deviation in pixels.
    """

    sigma: Annotated[float, Field(gt=0, le=10)] = 0.7

    def filtered(self, images: Tensor) -> Tensor:
        """Return smoothed pictures."""
        reach = math.ceil(3 * self.sigma)
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        kernel = torch.exp(-(offsets**2) / (2 * self.sigma**2))
        kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
        padded = functional.pad(images, (reach,) * 4, mode="replicate")
        across = functional.conv2d(padded, kernel, groups=3)
        return functional.conv2d(across, kernel.transpose(-1, -2), groups=3)


@dataclass(frozen=True)
class Median(Filter):
    """The median of each value's square neighbourhood, plane by plane, edges repeated.

    Args:
        size: the square's side in pixels.
    """

    size: Literal[3, 5, 7] = 3

    def filtered(self, images: Tensor) -> Tensor:
        """Return the medians; their gradient is that of the value which is the median."""
        return _neighbours(images, self.size // 2).median(-1).values


@dataclass(frozen=True)
class Bilateral(Filter):
    """A mean over each pixel's neighbourhood, near and alike ones counting most.

    Tomasi & Manduchi 1998, with the colours' distance over all three planes; edges repeated.

    Args:
        space: standard deviation of what nearness counts, in pixels.
        colour: standard deviation of what likeness counts, in 8-bit levels.
    """

    space: Annotated[float, Field(gt=0, le=5)] = 1.5
    colour: Annotated[float, Field(gt=0)] = 20.0

    def filtered(self, images: Tensor) -> Tensor:
        """Return the means."""
        reach = math.ceil(2 * self.space)
        around = _neighbours(images, reach)
        squared = (around - images.unsqueeze(-1)).square().sum(1, keepdim=True)
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        far = (offsets[:, None] ** 2 + offsets**2).flatten() / (2 * self.space**2)
        weights = torch.exp(-far - squared * (255**2 / (2 * self.colour**2)))
        mean: Tensor = (weights * around).sum(-1) / weights.sum(-1)
        return mean


def _neighbours(images: Tensor, reach: int) -> Tensor:
    """Return each value's square neighbourhood, (B, 3, H, W, (2 reach + 1)^2), edges repeated."""
    side = 2 * reach + 1
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    return padded.unfold(2, side, 1).unfold(3, side, 1).flatten(-2)
