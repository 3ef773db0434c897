"""A codec without gradients, with the gradients of another codec (BPDA).

Backward pass differentiable approximation, Athalye et al. 2018, https://arxiv.org/abs/1802.00420,
section 4. The forward pass encodes and decodes the picture; the backward pass is the surrogate's.
The gradient is therefore not the gradient of the values, and `bench check` reports this.
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
    """A codec with the gradients of a named surrogate.

    Args:
        codec: the codec, as an item of a suite's list: a name, or a mapping with its name.
        surrogate: the differentiable codec, likewise; it should fail on the pictures on which the
            codec fails.

    Raises:
        ConfigError: the surrogate has no gradients.
    """

    def __init__(self, codec: Codec, surrogate: Codec) -> None:
        if not isinstance(surrogate, Differentiable):
            raise ConfigError("the surrogate has no gradients; name a learned codec as surrogate")
        self._codec, self._surrogate = codec, surrogate
        self._surrogate_fingerprint = surrogate.fingerprint()

    def encode(self, image: Image) -> bytes:
        """Return the codec's bitstream."""
        return self._codec.encode(image)

    def decode(self, bitstream: bytes) -> Image:
        """Return the codec's reconstruction."""
        return self._codec.decode(bitstream)

    def fingerprint(self) -> str:
        """Return the fingerprints of the codec and the surrogate."""
        return f"{self._codec.fingerprint()}, gradients of {self._surrogate_fingerprint}"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the codec's number of header bytes."""
        return self._codec.header_bytes(bitstream)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the codec's decoded pictures, with the surrogate's gradient."""
        return straight_through(
            self._decoded(images, self._streams(images)), self._surrogate.reconstruct(images)
        )

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the real number of bits, with the gradient of the surrogate's bits."""
        return _bits(self._streams(images), self._surrogate.rate(images))

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits, as `reconstruct` and `rate` do."""
        streams, surrogate = self._streams(images), self._surrogate.relaxed(images)
        decoded = straight_through(self._decoded(images, streams), surrogate.reconstruction)
        return Relaxed(decoded, _bits(streams, surrogate.bits))

    def _streams(self, images: Tensor) -> list[bytes]:
        return [self._codec.encode(to_image(image)) for image in images.detach().split(1)]

    def _decoded(self, images: Tensor, streams: list[bytes]) -> Tensor:
        return torch.cat([to_tensor(self._codec.decode(stream)) for stream in streams]).to(images)


def _bits(streams: list[bytes], surrogate: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the length of each bitstream in bits, with the gradient of the surrogate's bits."""
    bits = torch.stack([stream.flatten(1).sum(1) for stream in surrogate.values()]).sum(0)
    real = bits.new_tensor([8.0 * len(stream) for stream in streams])
    return {"bitstream": straight_through(real, bits)[:, None]}
