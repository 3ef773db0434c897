"""The first seam: what a codec is, and what more it may offer.

    image uint8 (H, W, 3) --encode--> bytes --decode--> image uint8 (H, W, 3)

A capability is a type: a codec that offers gradients is also `Differentiable`, one that draws
random numbers is `Randomised`, one that codes a picture in several ways and keeps the cheapest is
`Branching`, one whose model predicts its own bits is `Estimating`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # the command line reads records and tables without torch
    import torch
    from torch import Tensor

Image: TypeAlias = npt.NDArray[np.uint8]
"""One 8-bit RGB picture, shape (H, W, 3), levels 0-255, any H and W of at least 1."""


class Codec(ABC):
    """One operating point: a codec with all its parameters set."""

    @abstractmethod
    def encode(self, image: Image) -> bytes:
        """Return the bitstream of one picture.

        Args:
            image: uint8, shape (H, W, 3), read-only.

        Returns:
            Every byte that `decode` needs, the picture's size included.

        Raises:
            Unsupported: this picture is outside what the codec offers.
            CodecError: the encoder failed.
        """

    @abstractmethod
    def decode(self, bitstream: bytes) -> Image:
        """Return the picture that a bitstream of this operating point holds.

        Returns:
            uint8, shape (H, W, 3), of the size that was encoded.

        Raises:
            CodecError: the bitstream is damaged, truncated or another codec's.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return what identifies everything that can change this codec's output.

        Weights by their hash, external programs by their version, parameters by their value.
        """

    def header_bytes(self, bitstream: bytes) -> int:
        """Return how many of the bitstream's bytes are the harness's own container."""
        del bitstream
        return 0

    @property
    def device(self) -> torch.device:
        """Where its gradients are computed, so that a search keeps its pictures there."""
        import torch  # noqa: PLC0415

        return torch.device("cpu")


class Concurrent(Codec):
    """A codec that may be asked from several threads at once, and gains by it.

    One whose work is done by other programs does: its threads only wait.
    """


@dataclass(frozen=True)
class Relaxed:
    """Both halves of a codec's differentiable surrogate for one batch.

    Attributes:
        reconstruction: float (B, 3, H, W), nominally in [0, 1], not clipped.
        bits: for each latent stream its bits, float (B, C, h, w).
    """

    reconstruction: Tensor
    bits: Mapping[str, Tensor]


@runtime_checkable
class Differentiable(Protocol):
    """A codec with a surrogate through which gradients flow.

    Images are float (B, 3, H, W) in [0, 1]. Weights take no gradient.
    """

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction (B, 3, H, W), running only the path that leads to it."""
        ...

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the bits of each latent stream, (B, C, h, w), running only that path."""
        ...

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return both, sharing what they have in common."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A codec whose own entropy model predicts the size of its bitstream."""

    def estimated_bits(self, image: Image) -> float:
        """Return the bits that the entropy model gives the quantised latents of a picture."""
        ...


@dataclass(frozen=True)
class Tolerances:
    """How far a surrogate may be from its codec, as far as `bench.testing` asks; None: as usual.

    Attributes:
        bits: largest relative error of `rate` against the bytes.
        estimate: largest relative error of `estimated_bits` against the bytes.
        slope: largest relative error of a gradient against a difference.
        psnr: what `reconstruct` and the decoded picture agree to at least, in dB.
    """

    bits: float | None = None
    estimate: float | None = None
    slope: float | None = None
    psnr: float | None = None


@runtime_checkable
class Tolerant(Protocol):
    """A codec whose surrogate differs from it by design, and that says by how much."""

    @property
    def tolerances(self) -> Tolerances:
        """What the test kit holds it to, and tells."""
        ...


@runtime_checkable
class Randomised(Protocol):
    """A codec (or a defence around one) that draws random numbers when it encodes."""

    def draw(self, rng: np.random.Generator) -> Codec:
        """Return one deterministic codec, the random choices made from `rng`."""
        ...


@runtime_checkable
class Branching(Protocol):
    """A codec that codes a picture in several ways and keeps the cheapest one.

    No single surrogate stands for it: an attack on the way that is kept now makes the encoder keep
    another one, so the harness attacks all of them.
    """

    def paths(self) -> Sequence[Codec]:
        """Return each way as a codec of its own."""
        ...

    def costs(self, images: Tensor) -> Tensor:
        """Return what the encoder compares, by the surrogates of the ways, (ways, B)."""
        ...
