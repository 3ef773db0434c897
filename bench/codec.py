"""The interface of codecs, and the optional capabilities of a codec.

::

    image uint8 (H, W, 3) --encode--> bytes --decode--> image uint8 (H, W, 3)

A capability is a type. A codec is `Differentiable` if it has gradients, `Randomised` if it draws
random numbers, `Branching` if it encodes a picture in several ways and keeps the cheapest,
`Quantising` if its surrogate also exists without rounding, `Estimating` if its entropy model
predicts the number of bits, `Traceable` if its layers can be compared between two pictures,
`Movable` if its networks can decode in another memory layout or on a GPU, and `Concurrent` if
several threads can use it at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # the command line reads records and tables without torch
    import torch
    from torch import Tensor

Image: TypeAlias = npt.NDArray[np.uint8]
"""One 8-bit RGB picture, uint8 (H, W, 3), levels 0 to 255, any H and W of at least 1."""


Rounding: TypeAlias = Literal["straight-through", "none"]
"""The surrogate of quantisation: rounding with the gradient of the identity, or no rounding."""

Layout: TypeAlias = Literal["channels_last", "contiguous"]
"""The order of a network's numbers in memory, NHWC or NCHW."""


class Codec(ABC):
    """One operating point: a codec with all its parameters set.

    The typed arguments of the constructor are the parameters of the codec in a suite.
    """

    @abstractmethod
    def encode(self, image: Image) -> bytes:
        """Encode one picture.

        Args:
            image: uint8, shape (H, W, 3), read-only.

        Returns:
            Every byte that `decode` needs, including the picture size.

        Raises:
            Unsupported: the codec does not support this picture, for example its size.
            CodecError: the encoder failed.
        """

    @abstractmethod
    def decode(self, bitstream: bytes) -> Image:
        """Decode one bitstream of this operating point.

        Args:
            bitstream: the bytes that `encode` returned. They may be damaged.

        Returns:
            uint8, shape (H, W, 3), with the size of the encoded picture.

        Raises:
            CodecError: the bitstream is damaged, truncated or from another codec.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return one line that identifies everything that can change the output.

        Include the hash of weights, the version of external programs and the value of parameters.
        The harness finds existing records by the fingerprint.
        """

    def header_bytes(self, bitstream: bytes) -> int:
        """Return how many bytes of the bitstream belong to the container of the harness.

        Args:
            bitstream: the bytes that `encode` returned.
        """
        del bitstream
        return 0

    @property
    def device(self) -> torch.device:
        """The device that computes the gradients; a search keeps its pictures there."""
        import torch  # noqa: PLC0415

        return torch.device("cpu")


class Concurrent(Codec):
    """A codec that several threads can use at once, and that is faster that way.

    An example is a codec that runs an external program: its threads only wait.
    """


@dataclass(frozen=True)
class Relaxed:
    """The output of both halves of a codec's differentiable surrogate for one batch.

    Attributes:
        reconstruction: float (B, 3, H, W), nominally in [0, 1], not clipped.
        bits: the bits of each latent stream by name, each float (B, C, h, w).
    """

    reconstruction: Tensor
    bits: Mapping[str, Tensor]


@runtime_checkable
class Differentiable(Protocol):
    """A codec with a differentiable surrogate.

    Images are float (B, 3, H, W) in [0, 1]. Gradients flow to the images, not to the weights.
    """

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction (B, 3, H, W); run only the path that it needs."""
        ...

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the bits of each latent stream, each (B, C, h, w); run only that path."""
        ...

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return both, and compute the common part once."""
        ...


@runtime_checkable
class Quantising(Protocol):
    """A differentiable codec that rounds, and whose surrogate also exists without the rounding.

    Rounding has no gradient. Its surrogate is either straight-through (the value is rounded, the
    gradient is that of the identity) or leaves the rounding out. Neither is always the stronger
    one, so an attack of a suite can choose (`rounding`). A codec without this capability has one
    surrogate for both.
    """

    def unrounded(self) -> Codec:
        """Return this codec with a surrogate that does not round; it codes as before."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A codec whose entropy model predicts the size of its bitstream."""

    def estimated_bits(self, image: Image) -> float:
        """Return the number of bits that the entropy model predicts for the quantised latents.

        Args:
            image: uint8, shape (H, W, 3), read-only.
        """
        ...


@dataclass(frozen=True)
class Tolerances:
    """The tolerances that `bench.testing` applies to a surrogate. None stands for the usual value.

    Attributes:
        bits: largest relative error of `rate` against the bitstream (usually 0.1).
        estimate: largest relative error of `estimated_bits` against the bitstream (usually 0.1).
        slope: largest relative error of a gradient against a finite difference (usually 0.05).
        psnr: smallest PSNR in dB between `reconstruct` and the decoded picture (usually 40).
        strings: number of separately coded strings in a bitstream; each may end with up to 8 bytes
            that no bits predict (usually as many as `rate` has streams, and none for the estimate).
    """

    bits: float | None = None
    estimate: float | None = None
    slope: float | None = None
    psnr: float | None = None
    strings: int | None = None


@runtime_checkable
class Tolerant(Protocol):
    """A codec whose surrogate differs from it by design, and that states its own tolerances."""

    @property
    def tolerances(self) -> Tolerances:
        """The tolerances that the test kit applies and prints."""
        ...


@runtime_checkable
class Randomised(Protocol):
    """A codec, or a defended codec, that draws random numbers when it encodes."""

    def draw(self, rng: np.random.Generator) -> Codec:
        """Return one deterministic codec, with its random choices drawn from `rng`."""
        ...


@runtime_checkable
class Branching(Protocol):
    """A codec that encodes a picture in several ways (paths) and keeps the cheapest bitstream.

    The harness attacks all paths at once: if an attack targets only the current path, the encoder
    switches to another one.
    """

    def paths(self) -> Sequence[Codec]:
        """Return each path as a codec."""
        ...

    def costs(self, images: Tensor) -> Tensor:
        """Return the cost of each path that the encoder compares, from the surrogates, (paths, B).

        Args:
            images: float (B, 3, H, W) in [0, 1].
        """
        ...


@runtime_checkable
class LatentCodec(Protocol):
    """A codec whose bitstream is a function of rounded latents, as far as attacks can use it.

    Two pictures of one size have the same bitstream if each of their latents is rounded to the same
    value: if the latents of one are less than 0.5 away from the coded latents of the other.
    """

    def streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the latents of each stream before rounding, in rounding steps, each (B, ...).

        Gradients flow to the images, float (B, 3, H, W) in [0, 1].

        Raises:
            Unsupported: rounding also depends on something else in this codec.
        """
        ...

    def coded_streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the latents of each stream as they are coded, each (B, ...), without gradients."""
        ...


@runtime_checkable
class Movable(Protocol):
    """A codec whose networks can decode in another memory layout, or on another device.

    The order of the sums in a network depends on both, and so do the last bits of its results.
    """

    def moved(self, layout: Layout, device: str) -> Codec:
        """Return this codec with networks that decode in this way; its bitstreams stay the same.

        Args:
            layout: the memory layout of the weights.
            device: "cpu" or "cuda".
        """
        ...


@runtime_checkable
class Traceable(Protocol):
    """A codec whose layers and latents can be compared between two pictures."""

    def trace(self, images: Tensor, visit: Callable[[str, Tensor, Tensor], None]) -> None:
        """Code pictures by the model itself, with rounding, and visit each layer when it has run.

        Args:
            images: float (B, 3, H, W) in [0, 1].
            visit: is called with the name of the layer, its input and its output, each (B, ...).
        """
        ...

    def recombined(self, images: Tensor, stream: str, others: Tensor) -> Codec:
        """Return this codec with an encoder that codes given latents, whatever the picture.

        Args:
            images: the pictures whose latents are coded, float (1, 3, H, W) in [0, 1].
            stream: the name of one stream, as in `Differentiable.rate`.
            others: the pictures that this stream alone is taken from, of the same shape.

        Raises:
            Unsupported: the codec cannot give this stream other latents.
        """
        ...
