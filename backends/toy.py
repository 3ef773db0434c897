"""A linear codec whose optimal perturbations are known in closed form, for tests and examples.

    encode   every sample v is written as v ones and a zero: the bits are linear in the picture
    decode   counts the ones and multiplies by the gain, clipped to 0-255

For a picture with values away from 0 and 255, the largest increase of a linear objective w . C(x)
is gain * epsilon * ||w||_1 inside an linf ball and gain * epsilon * ||w||_2 inside an l2 ball. The
largest increase of the rate is epsilon bits per sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bench.codec import Codec, Image, Relaxed
from bench.container import overhead, pack, unpack
from bench.errors import CodecError
from bench.tensors import to_image

_ID = b"toy1"


class Toy(Codec):
    """A unary code whose decoder multiplies the contrast.

    Args:
        gain: the decoder's factor for every level.
    """

    def __init__(self, gain: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self._gain = gain

    def encode(self, image: Image) -> bytes:
        """Return the unary code of every sample, packed to bytes."""
        ends = np.cumsum(image.reshape(-1).astype(np.int64) + 1)
        bits = np.ones(ends[-1], dtype=np.uint8)
        bits[ends - 1] = 0
        height, width, _ = image.shape
        return pack(_ID, height, width, [np.packbits(bits).tobytes()])

    def decode(self, bitstream: bytes) -> Image:
        """Return the picture with its levels multiplied by the gain."""
        container = unpack(_ID, bitstream)
        bits = np.unpackbits(np.frombuffer(b"".join(container.sections), dtype=np.uint8))
        count = container.height * container.width * 3
        ends = np.flatnonzero(bits == 0)[:count]
        levels = np.diff(ends, prepend=-1) - 1
        if len(levels) != count:
            raise CodecError("the bitstream holds fewer samples than its picture size needs")
        scaled: Image = np.clip(np.rint(levels * self._gain), 0, 255).astype(np.uint8)
        return scaled.reshape(container.height, container.width, 3)

    def fingerprint(self) -> str:
        """Return the codec's name and gain."""
        return f"toy gain {self._gain}"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the number of container bytes."""
        return overhead(len(unpack(_ID, bitstream).sections))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the pictures times the gain, float (B, 3, H, W), neither rounded nor clipped."""
        return images * self._gain

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the bits of each sample x, 255 x + 1, (B, 3, H, W), as stream "y"."""
        return {"y": images * 255 + 1}

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits."""
        return Relaxed(self.reconstruct(images), self.rate(images))

    def streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the levels of the samples, (B, 3, H, W), as stream "y"."""
        return {"y": images * 255}

    def coded_streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the levels that are written; no other picture has the same ones."""
        return {"y": (images * 255).round()}

    def trace(self, images: Tensor, visit: Callable[[str, Tensor, Tensor], None]) -> None:
        """Visit the decoder, which is the only layer."""
        visit("decoder", images, self.reconstruct(images))

    def recombined(self, images: Tensor, stream: str, others: Tensor) -> Codec:
        """Return a codec that encodes the other picture: there is one stream."""
        del images, stream
        return _Fixed(self, to_image(others))

    def estimated_bits(self, image: Image) -> float:
        """Return exactly the bits that `encode` writes, without the padding of the last byte."""
        return float(torch.from_numpy(image.copy()).double().sum()) + image.size


class _Fixed(Codec):
    """A codec that encodes one picture, whatever it is given."""

    def __init__(self, codec: Codec, image: Image) -> None:
        self._codec, self._image = codec, image

    def encode(self, _: Image) -> bytes:
        return self._codec.encode(self._image)

    def decode(self, bitstream: bytes) -> Image:
        return self._codec.decode(bitstream)

    def fingerprint(self) -> str:
        return f"{self._codec.fingerprint()}, of one picture"
