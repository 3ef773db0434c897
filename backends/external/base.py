"""The codec around an external program that codes planes or pixels and knows no odd sizes.

image --edge padding--> --layout--> samples --_stream--> bare stream --container--> bytes
image <--cropping------ <--layout-- samples <-_samples-- bare stream <--container-- bytes
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from backends.external.layout import Layout
from bench.codec import Concurrent, Image
from bench.container import overhead, pack, unpack


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What is coded of a picture.

    Attributes:
        name: what tells its streams from others'.
        layout: how the encoder takes the samples.
        least: the shortest side that is coded.
        step: what sides are multiples of.
    """

    name: str
    layout: Layout
    least: int = 1
    step: int = 1

    @property
    def container_id(self) -> bytes:
        """What its containers are marked with."""
        return hashlib.sha256(f"{self.name} {self.layout.identity}".encode()).digest()[:4]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the sides that are coded of a picture."""
        return self._coded(height), self._coded(width)

    def _coded(self, side: int) -> int:
        return max(self.least, -(-side // self.step) * self.step)


class External(Concurrent):
    """A codec whose work another program does."""

    def __init__(self, coding: Coding) -> None:
        self._coding = coding

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        rows, columns = self._coding.size(height, width)
        padded = np.pad(image, ((0, rows - height), (0, columns - width), (0, 0)), mode="edge")
        return pack(self._coding.container_id, height, width, [self._stream(padded)])

    def decode(self, bitstream: bytes) -> Image:
        box = unpack(self._coding.container_id, bitstream)
        size = self._coding.size(box.height, box.width)
        samples = self._samples(b"".join(box.sections), size)
        return self._coding.layout.read(samples, size)[: box.height, : box.width]

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)

    @abstractmethod
    def _stream(self, image: Image) -> bytes:
        """Return the bare stream of a picture of a size that is coded."""

    @abstractmethod
    def _samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        """Return the samples of a bare stream of a picture of that size."""
