"""A lossy codec as purifier: its decoded picture is what the codec inside is given.

Its stream is thrown away: the decoder of the codec inside needs to be told nothing.

    Dziugaite et al. (JPEG against perturbations), https://arxiv.org/abs/1608.00853
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
    """Coded and decoded by another codec first.

    Args:
        purifier: the other codec, as in a suite's list: a name, or a mapping with its name.
    """

    gradient: ClassVar[str] = "the purifier's own surrogate; if it has none, identity (BPDA)"
    purifier: Codec

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of pictures that went through the purifier.

        Raises:
            ConfigError: the purifier is behind defences that draw or choose.
        """
        if isinstance(self.purifier, Randomised | Branching):
            raise ConfigError("a purifier cannot draw or choose; put those defences around both")
        return layered(only(_Coded(self.purifier)), 0, codec)


class _Coded(Layer):
    """A picture through a codec, and back."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def identity(self) -> str:
        followed = "its surrogate" if isinstance(self._codec, Differentiable) else "identity"
        return f"recoded by {self._codec.fingerprint()}, gradient {followed}"

    def before(self, image: Image) -> Image:
        return self._codec.decode(self._codec.encode(image))

    def relaxed_before(self, images: Tensor) -> Tensor:
        if isinstance(self._codec, Differentiable):
            return at_levels(self._codec.reconstruct(images).clamp(0, 1))
        return straight_through(self._recoded(images.detach()), images)

    def _recoded(self, images: Tensor) -> Tensor:
        """Return what really comes back of each picture, rounded to 8 bits first."""
        coded = [to_tensor(self.before(to_image(image))) for image in images.split(1)]
        return torch.cat(coded).to(images)
