"""The base class of codecs that run as external programs.

image --pad edge--> --layout.write--> samples --_encode_samples--> bare stream --pack--> bytes
image <--crop------ <--layout.read--- samples <-_decode_samples--- bare stream <-unpack- bytes
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from backends.external.layout import Layout
from bench.codec import Concurrent, Image
from bench.container import MAX_SIDE, overhead, pack, unpack
from bench.errors import Unsupported


@dataclass(frozen=True)
class Limits:
    """The sizes that a codec can code, found by trying.

    Attributes:
        rows: the largest height, in pixels.
        columns: the largest width, in pixels.
        narrow: pictures with a side below this have a limit of their own, in pixels.
        longest: the longest side of such a picture, in pixels.
    """

    rows: int = MAX_SIDE
    columns: int = MAX_SIDE
    narrow: int = 1
    longest: int = MAX_SIDE

    def check(self, name: str, height: int, width: int) -> None:
        """Check the size of a picture.

        Raises:
            Unsupported: the codec called `name` cannot code it.
        """
        picture = f"the picture has {height}x{width} (height x width); crop it"
        if height > self.rows or width > self.columns:
            raise Unsupported(
                f"{name} codes at most {self.rows} rows and {self.columns} columns, {picture}"
            )
        if min(height, width) < self.narrow and max(height, width) > self.longest:
            raise Unsupported(
                f"{name} codes at most {self.longest} pixels along a side if the other has fewer"
                f" than {self.narrow}, {picture}"
            )


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What an external encoder receives for a picture.

    Attributes:
        name: identifies the codec's bitstreams, together with the layout.
        layout: sample layout of the encoder's input and the decoder's output.
        least: the shortest side that the encoder accepts, in pixels.
        step: the encoder accepts sides that are multiples of this number of pixels.
        limits: the sizes that encoder and decoder can code.
    """

    name: str
    layout: Layout
    least: int = 1
    step: int = 1
    limits: Limits = Limits()

    @property
    def container_id(self) -> bytes:
        """The four bytes that mark this codec's containers."""
        return hashlib.sha256(f"{self.name} {self.layout.identity}".encode()).digest()[:4]

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that are coded for a picture, in pixels."""
        return self._padded_side(height), self._padded_side(width)

    def _padded_side(self, side: int) -> int:
        return max(self.least, -(-side // self.step) * self.step)


class External(Concurrent):
    """A codec that an external program implements.

    Args:
        coding: what the encoder receives.
    """

    def __init__(self, coding: Coding) -> None:
        self._coding = coding

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        self._coding.limits.check(self._coding.name, height, width)
        rows, columns = self._coding.padded_size(height, width)
        padded = np.pad(image, ((0, rows - height), (0, columns - width), (0, 0)), mode="edge")
        return pack(self._coding.container_id, height, width, [self._encode_samples(padded)])

    def decode(self, bitstream: bytes) -> Image:
        container = unpack(self._coding.container_id, bitstream)
        size = self._coding.padded_size(container.height, container.width)
        samples = self._decode_samples(b"".join(container.sections), size)
        return self._coding.layout.read(samples, size)[: container.height, : container.width]

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)

    @abstractmethod
    def _encode_samples(self, image: Image) -> bytes:
        """Return the bare stream of a picture, uint8 (H, W, 3), of a size the encoder accepts."""

    @abstractmethod
    def _decode_samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        """Return the decoded samples of a bare stream; `size` is (height, width) in pixels."""
