"""The interface of defences.

A defence takes a codec and returns a defended codec. Most defences apply a `Layer` before encoding
and undo it after decoding::

    picture --before--> inner codec --> bytes (and the number of the layer)
    picture <--after--- inner codec <-- bytes

A defence uses one fixed layer, or chooses one layer from a `Family` and stores its number in the
bitstream. `bench.wrapping` builds the defended codec.
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
    """A function from a codec to a defended codec.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite.

    Attributes:
        gradient: the gradient that an adaptive attack follows, in a few words: "exact", or the
            surrogate of a step without a gradient (BPDA).
    """

    gradient: ClassVar[str]

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec.

        It has the capabilities of the inner codec: it is `Differentiable` or `Randomised` if the
        inner codec is.

        Raises:
            ConfigError: the defence does not support this codec.
        """
        ...


class Layer(ABC):
    """A step that is applied before encoding and undone after decoding."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The name of the layer, with everything that can change its output."""

    @abstractmethod
    def before(self, image: Image) -> Image:
        """Return the picture that the inner codec encodes, uint8 (H', W', 3), read-only.

        Args:
            image: uint8 (H, W, 3), read-only.
        """

    def after(self, image: Image) -> Image:
        """Return the picture, uint8 (H, W, 3), from the output of the inner codec.

        Args:
            image: uint8 (H', W', 3). By default it is returned unchanged.
        """
        return image

    @abstractmethod
    def relaxed_before(self, images: Tensor) -> Tensor:
        """Return a differentiable version of `before`, float (B, 3, H', W').

        The values are those of `before`. If `before` has no gradient, use the gradient of a
        surrogate (see `straight_through`).

        Args:
            images: float (B, 3, H, W) in [0, 1].
        """

    def relaxed_after(self, images: Tensor) -> Tensor:
        """Return a differentiable version of `after`, float (B, 3, H, W).

        Args:
            images: float (B, 3, H', W'). By default they are returned unchanged.
        """
        return images


@dataclass(frozen=True)
class Family:
    """A set of layers. One layer is used per picture; its number is stored in the bitstream.

    Attributes:
        name: the name of the family, with everything that can change the output of its layers.
        size: the number of layers.
        layer: returns the layer with a number from 0 to `size` - 1. Layer 0 of a family with
            several layers leaves a picture unchanged.
    """

    name: str
    size: int
    layer: Callable[[int], Layer]

    @property
    def mark_bytes(self) -> int:
        """The number of bytes that store the number of the layer; 0 if there is one layer."""
        return -(-(self.size - 1).bit_length() // 8)


@dataclass(frozen=True)
class OwnCost:
    """The R-D cost that an encoder can compute: bpp + lmbda 255^2 MSE against its own input.

    Attributes:
        lmbda: the weight of the MSE of pictures in [0, 1]. If None, the cost is the MSE alone.
    """

    lmbda: float | None = None

    def __str__(self) -> str:
        return "MSE" if self.lmbda is None else f"bpp + {self.lmbda:g} 255^2 MSE"

    def real(self, image: Image, path: Codec, bitstream: bytes) -> float:
        """Return the cost of a bitstream after decoding it.

        Args:
            image: the picture that was encoded, uint8 (H, W, 3).
            path: the codec that decodes the bitstream.
            bitstream: the bytes.
        """
        difference = image.astype(np.float64) - path.decode(bitstream)
        squared = float(np.mean(difference**2))
        if self.lmbda is None:
            return squared
        return 8 * len(bitstream) / image[..., 0].size + self.lmbda * squared

    def relaxed(self, path: Codec, images: Tensor) -> Tensor:
        """Return the cost of one path from its surrogate, (B,).

        Args:
            path: a codec that is `Differentiable`, or `Branching` with differentiable paths.
            images: float (B, 3, H, W) in [0, 1].

        Raises:
            Unsupported: the path has no gradients.
        """
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
    """Return a family with one layer. It adds nothing to the bitstream."""
    return Family(layer.identity, 1, lambda _: layer)


def straight_through(values: Tensor, surrogate: Tensor) -> Tensor:
    """Return `values` with the gradient of `surrogate` (BPDA); both have the same shape."""
    return surrogate + (values - surrogate).detach()


def at_levels(images: Tensor) -> Tensor:
    """Round images in [0, 1] to 8-bit levels. The gradient is that of the identity."""
    return straight_through((images * 255).round() / 255, images)


def _error(reconstruction: Tensor, images: Tensor) -> Tensor:
    error: Tensor = (reconstruction.clamp(0, 1) - images).square().flatten(1).mean(1)
    return error
