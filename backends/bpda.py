"""A codec without gradients, seen through those of another one (BPDA).

Values are real, every look codes the picture; the way back is the surrogate's. So the gradient is
not that of the values, and `bench check` says so. After Athalye et al. (2018),
https://arxiv.org/abs/1802.00420, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bench.codec import Codec, Differentiable, Image, Relaxed
from bench.defence import straight_through
from bench.errors import ConfigError
from bench.tensors import to_image, to_tensor


class Bpda(Codec):
    """Codes like one codec; gradients are those of a named surrogate.

    Args:
        codec: what codes, as in a suite's list: a name, or a mapping with its name.
        surrogate: whose gradients are followed, likewise; it should fail where the codec fails.

    Raises:
        ConfigError: the surrogate has no gradients.
    """

    def __init__(self, codec: Codec, surrogate: Codec) -> None:
        if not isinstance(surrogate, Differentiable):
            raise ConfigError(
                "the surrogate offers no gradients; name a learned codec as surrogate"
            )
        self._codec, self._surrogate, self._inside = codec, surrogate, surrogate.fingerprint()

    def encode(self, image: Image) -> bytes:
        """Return the codec's bitstream."""
        return self._codec.encode(image)

    def decode(self, bitstream: bytes) -> Image:
        """Return the codec's picture."""
        return self._codec.decode(bitstream)

    def fingerprint(self) -> str:
        """Return the codec's and the surrogate's."""
        return f"{self._codec.fingerprint()}, gradients of {self._inside}"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the codec's."""
        return self._codec.header_bytes(bitstream)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return what the codec really decodes; the gradient is the surrogate's."""
        return straight_through(
            self._decoded(images, self._streams(images)), self._surrogate.reconstruct(images)
        )

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the real bits; the gradient is that of the surrogate's."""
        return _bits(self._streams(images), self._surrogate.rate(images))

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return both halves."""
        streams, inside = self._streams(images), self._surrogate.relaxed(images)
        decoded = straight_through(self._decoded(images, streams), inside.reconstruction)
        return Relaxed(decoded, _bits(streams, inside.bits))

    def _streams(self, images: Tensor) -> list[bytes]:
        return [self._codec.encode(to_image(image)) for image in images.detach().split(1)]

    def _decoded(self, images: Tensor, streams: list[bytes]) -> Tensor:
        return torch.cat([to_tensor(self._codec.decode(one)) for one in streams]).to(images)


def _bits(streams: list[bytes], surrogate: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the length of each stream, with the gradient of a surrogate's bits."""
    bits = torch.stack([one.flatten(1).sum(1) for one in surrogate.values()]).sum(0)
    real = bits.new_tensor([8.0 * len(stream) for stream in streams])
    return {"bitstream": straight_through(real, bits)[:, None]}
