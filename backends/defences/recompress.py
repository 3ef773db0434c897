"""A lossy codec as purifier: the defended codec encodes the purifier's reconstruction.

The purifier's bitstream is discarded, so the defended codec's bitstream is its own.

    Dziugaite et al. (JPEG against adversarial perturbations), https://arxiv.org/abs/1608.00853
    Athalye et al. (BPDA), https://arxiv.org/abs/1802.00420
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.codec import Branching, Codec, Differentiable, Image, Randomised
from bench.defence import Layer, at_levels, only, straight_through
from bench.errors import ConfigError
from bench.tensors import to_image, to_tensor
from bench.wrapping import layered


@dataclass(frozen=True)
class Recode:
    """Compression and decompression by another codec before encoding.

    Args:
        purifier: the other codec, as an item of a suite's list: a name, or a mapping with its name.
    """

    gradient: ClassVar[str] = "the purifier's surrogate; without one, identity (BPDA)"
    purifier: Codec

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the purifier in front of it.

        Raises:
            ConfigError: the purifier has defences that draw at random or choose by cost.
        """
        if isinstance(self.purifier, Randomised | Branching):
            raise ConfigError(
                "a purifier cannot have defences that draw at random or choose by cost; apply them"
                " to the purified codec instead"
            )
        return layered(only(_Recompressed(self.purifier)), 0, codec)


class _Recompressed(Layer):
    """Compression and decompression by a codec."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def identity(self) -> str:
        gradient = "its surrogate" if isinstance(self._codec, Differentiable) else "identity"
        return f"recoded by {self._codec.fingerprint()}, gradient {gradient}"

    def before(self, image: Image) -> Image:
        return self._codec.decode(self._codec.encode(image))

    def relaxed_before(self, images: Tensor) -> Tensor:
        if isinstance(self._codec, Differentiable):
            return at_levels(self._codec.reconstruct(images).clamp(0, 1))
        return straight_through(self._decoded(images.detach()), images)

    def _decoded(self, images: Tensor) -> Tensor:
        """Return the codec's real reconstruction of each picture, rounded to 8 bits first."""
        decoded = [to_tensor(self.before(to_image(image))) for image in images.split(1)]
        return torch.cat(decoded).to(images)
