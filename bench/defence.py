"""The third seam: what makes a codec from a codec.

    picture --layer--> coded by the codec inside --bytes, and what the decoder must be told-->
            picture <--undone-- decoded by it

A defence is a frozen dataclass that is called with a codec. Most are made of `Layer`s: one fixed
layer, or one of a `Family` whose choice is coded; `bench.wrapping` makes the codec.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from bench.codec import Branching, Codec, Differentiable, Image
from bench.errors import Unsupported


@runtime_checkable
class Defence(Protocol):
    """Makes a codec from a codec.

    Implementations are frozen dataclasses whose fields are their parameters in a suite.

    Attributes:
        gradient: what an attack follows through it, in a few words: "exact", or the name of the
            surrogate that stands for what has no gradient (BPDA).
    """

    gradient: ClassVar[str]

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec behind this defence.

        It offers what the codec inside offers: gradients if that does, draws if that does.

        Raises:
            ConfigError: it cannot be put around this codec.
        """
        ...


class Layer(ABC):
    """What is done to a picture before it is coded, and undone after it is decoded."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Return what names it with everything that can change its output."""

    @abstractmethod
    def before(self, image: Image) -> Image:
        """Return what the codec inside is given, uint8 (H', W', 3), read-only."""

    def after(self, image: Image) -> Image:
        """Return the picture from what the codec inside decoded."""
        return image

    @abstractmethod
    def relaxed_before(self, images: Tensor) -> Tensor:
        """Return `before` of float (B, 3, H, W) in [0, 1], with a gradient.

        Its values are those of `before`; where that has no gradient, a surrogate's is taken.
        """

    def relaxed_after(self, images: Tensor) -> Tensor:
        """Return `after` of float (B, 3, H', W'), with a gradient."""
        return images


@dataclass(frozen=True)
class Family:
    """Layers of which one is used for each picture; the decoder is told which.

    Attributes:
        name: with everything that can change what its layers do.
        size: how many.
        layer: gives one by its number; the first one leaves a picture as it is.
    """

    name: str
    size: int
    layer: Callable[[int], Layer]

    @property
    def mark_bytes(self) -> int:
        """How many bytes tell the decoder which layer it was; none if there is but one."""
        return -(-(self.size - 1).bit_length() // 8)


@dataclass(frozen=True)
class OwnCost:
    """What an encoder can know of its own result: bpp + lmbda 255^2 MSE against its own input.

    Attributes:
        lmbda: weight of the error on [0, 1]; without one the error alone counts.
    """

    lmbda: float | None = None

    def __str__(self) -> str:
        return "MSE" if self.lmbda is None else f"bpp + {self.lmbda:g} 255^2 MSE"

    def real(self, image: Image, path: Codec, bitstream: bytes) -> float:
        """Return the cost of a picture's bitstream, decoded again."""
        difference = image.astype(np.float64) - path.decode(bitstream)
        squared = float(np.mean(difference**2))
        if self.lmbda is None:
            return squared
        return 8 * len(bitstream) / image[..., 0].size + self.lmbda * squared

    def relaxed(self, path: Codec, images: Tensor) -> Tensor:
        """Return the cost by the surrogate of one way, (B,)."""
        if isinstance(path, Branching):
            return torch.stack([self.relaxed(way, images) for way in path.paths()]).amin(0)
        if not isinstance(path, Differentiable):
            raise Unsupported("this codec offers no gradients; attack it by transfer or queries")
        if self.lmbda is None:
            return _error(path.reconstruct(images), images)
        both = path.relaxed(images)
        bits = torch.stack([stream.flatten(1).sum(1) for stream in both.bits.values()]).sum(0)
        error = self.lmbda * 255**2 * _error(both.reconstruction, images)
        return bits / images[0, 0].numel() + error


def only(layer: Layer) -> Family:
    """Return the family of one layer, of which the decoder needs to be told nothing."""
    return Family(layer.identity, 1, lambda _: layer)


def straight_through(values: Tensor, surrogate: Tensor) -> Tensor:
    """Return the values of the one and the gradient of the other (BPDA)."""
    return surrogate + (values - surrogate).detach()


def at_levels(images: Tensor) -> Tensor:
    """Round to 8-bit levels; the gradient is the identity's."""
    return straight_through((images * 255).round() / 255, images)


def _error(reconstruction: Tensor, images: Tensor) -> Tensor:
    error: Tensor = (reconstruction.clamp(0, 1) - images).square().flatten(1).mean(1)
    return error
