"""Functions that build defended codecs.

- `layered` applies one layer of a family; its number is stored in a container around the inner
  bitstream.
- `randomised` draws another codec for every picture.
- `cheapest` tries several codecs and keeps the cheapest bitstream.

A defended codec keeps the capabilities of the inner codec that a search needs: it is
`Differentiable`, `Quantising`, `Randomised` or `Branching` if the inner codec is. It is not
`Estimating` or `Concurrent`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from bench.codec import (
    Branching,
    Codec,
    Differentiable,
    Image,
    Quantising,
    Randomised,
    Relaxed,
)
from bench.container import overhead, pack, unpack
from bench.defence import Family, OwnCost
from bench.errors import CodecError

_DEEPEST = 32
"""How many `Randomised` codecs can be nested."""


def drawn(codec: Codec, rng: np.random.Generator) -> Codec:
    """Return a codec with all its random choices drawn; a codec without any is returned as it is.

    Raises:
        CodecError: `draw` returns a `Randomised` codec again and again.
    """
    for _ in range(_DEEPEST):
        if not isinstance(codec, Randomised):
            return codec
        codec = codec.draw(rng)
    raise CodecError(
        f"{type(codec).__name__}.draw() still returns a Randomised codec after {_DEEPEST} draws;"
        " return a codec without draw()"
    )


def offers_gradients(codec: Codec) -> bool:
    """Return whether a codec has gradients, through its draws and all its paths."""
    codec = drawn(codec, np.random.default_rng(0))
    if isinstance(codec, Branching):
        return all(map(offers_gradients, codec.paths()))
    return isinstance(codec, Differentiable)


def layered(family: Family, index: int, codec: Codec) -> Codec:
    """Return a codec with one layer of a family around it.

    Args:
        family: the layers.
        index: the number of the layer that encodes, from 0; it is stored in the bitstream.
        codec: the inner codec. The result keeps its capabilities.
    """
    if isinstance(codec, Randomised):
        return _DrawnLayered(family, index, codec, codec)
    if isinstance(codec, Branching):
        return _BranchingLayered(family, index, codec, codec)
    if isinstance(codec, Differentiable) and isinstance(codec, Quantising):
        return _QuantisingLayered(family, index, codec, codec)
    if isinstance(codec, Differentiable):
        return _SmoothLayered(family, index, codec, codec)
    return _Layered(family, index, codec)


def randomised(count: int, factory: Callable[[int], Codec]) -> Codec:
    """Return a codec that draws one of several codecs for every picture.

    Args:
        count: the number of codecs.
        factory: returns the codec with a number from 0 to `count` - 1. Each codec must decode the
            bitstreams of all others.
    """
    return _Random(count, factory)


def cheapest(paths: Sequence[Codec], cost: OwnCost) -> Codec:
    """Return a codec that encodes in several ways and keeps the cheapest bitstream.

    Args:
        paths: the codecs to try. Each must decode the bitstreams of all others.
        cost: the cost to compare. The first of equal costs is kept.
    """
    if any(isinstance(path, Randomised) for path in paths):
        return _DrawnCheapest(paths, cost)
    return _Cheapest(paths, cost)


class _Layered(Codec):
    """One layer around a codec. If the family has several, the number is stored and counted."""

    def __init__(self, family: Family, index: int, codec: Codec) -> None:
        self._family, self._index, self._codec = family, index, codec
        self._layer = family.layer(index)
        self._id = hashlib.sha256(f"defence {family.name}".encode()).digest()[:4]

    def encode(self, image: Image) -> bytes:
        stream = self._codec.encode(self._layer.before(image))
        if not (room := self._family.mark_bytes):
            return stream
        height, width, _ = image.shape
        return pack(self._id, height, width, [self._index.to_bytes(room, "big"), stream])

    def decode(self, bitstream: bytes) -> Image:
        index, stream = self._unpacked(bitstream)
        return self._family.layer(index).after(self._codec.decode(stream))

    def fingerprint(self) -> str:
        number = f" {self._index} of {self._family.size}" if self._family.mark_bytes else ""
        return f"{self._family.name}{number} > {self._codec.fingerprint()}"

    def header_bytes(self, bitstream: bytes) -> int:
        _, stream = self._unpacked(bitstream)
        container = overhead(2) if self._family.mark_bytes else 0
        return container + self._codec.header_bytes(stream)

    @property
    def device(self) -> torch.device:
        return self._codec.device

    def _unpacked(self, bitstream: bytes) -> tuple[int, bytes]:
        if not (room := self._family.mark_bytes):
            return self._index, bitstream
        sections = unpack(self._id, bitstream).sections
        if [len(section) for section in sections[:-1]] != [room]:
            raise CodecError(f"the bitstream has no layer number for {self._family.name}")
        if (index := int.from_bytes(sections[0], "big")) >= self._family.size:
            raise CodecError(f"{self._family.name} has no layer {index}")
        return index, sections[1]


class _SmoothLayered(_Layered):
    """One layer around a codec with gradients. The surrogate includes the layer."""

    def __init__(self, family: Family, index: int, codec: Codec, surrogate: Differentiable) -> None:
        super().__init__(family, index, codec)
        self._surrogate = surrogate

    def reconstruct(self, images: Tensor) -> Tensor:
        inner = self._surrogate.reconstruct(self._layer.relaxed_before(images))
        return self._layer.relaxed_after(inner)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        return self._surrogate.rate(self._layer.relaxed_before(images))

    def relaxed(self, images: Tensor) -> Relaxed:
        inner = self._surrogate.relaxed(self._layer.relaxed_before(images))
        return Relaxed(self._layer.relaxed_after(inner.reconstruction), inner.bits)


class _QuantisingLayered(_SmoothLayered):
    """One layer around a codec whose surrogate also exists without rounding."""

    def unrounded(self) -> Codec:
        if not isinstance(self._codec, Quantising):
            return self
        return layered(self._family, self._index, self._codec.unrounded())


class _BranchingLayered(_Layered):
    """One layer around a branching codec: the layer is applied to each path."""

    def __init__(self, family: Family, index: int, codec: Codec, branching: Branching) -> None:
        super().__init__(family, index, codec)
        self._branching = branching

    def paths(self) -> Sequence[Codec]:
        return [layered(self._family, self._index, path) for path in self._branching.paths()]

    def costs(self, images: Tensor) -> Tensor:
        return self._branching.costs(self._layer.relaxed_before(images))


class _DrawnLayered(_Layered):
    """One layer around a codec that draws random numbers."""

    def __init__(self, family: Family, index: int, codec: Codec, random: Randomised) -> None:
        super().__init__(family, index, codec)
        self._random = random

    def draw(self, rng: np.random.Generator) -> Codec:
        return layered(self._family, self._index, drawn(self._random.draw(rng), rng))


class _Random(Codec):
    """One of several codecs, drawn for every picture."""

    def __init__(self, count: int, factory: Callable[[int], Codec]) -> None:
        self._count, self._factory = count, factory
        self._any = factory(0)

    def draw(self, rng: np.random.Generator) -> Codec:
        return drawn(self._factory(int(rng.integers(self._count))), rng)

    def encode(self, image: Image) -> bytes:
        return self.draw(np.random.default_rng()).encode(image)

    def decode(self, bitstream: bytes) -> Image:
        return self._any.decode(bitstream)

    def fingerprint(self) -> str:
        return f"random, 1 of {self._count}: {self._any.fingerprint()}"

    def header_bytes(self, bitstream: bytes) -> int:
        return self._any.header_bytes(bitstream)

    @property
    def device(self) -> torch.device:
        return self._any.device


class _Cheapest(Codec):
    """The cheapest of several paths."""

    def __init__(self, paths: Sequence[Codec], cost: OwnCost) -> None:
        self._paths, self._cost = tuple(paths), cost

    def encode(self, image: Image) -> bytes:
        streams = [path.encode(image) for path in self._paths]
        pairs = zip(self._paths, streams, strict=True)
        costs = [self._cost.real(image, path, stream) for path, stream in pairs]
        return streams[int(np.argmin(costs))]

    def decode(self, bitstream: bytes) -> Image:
        return self._paths[0].decode(bitstream)

    def fingerprint(self) -> str:
        first, *others = [path.fingerprint() for path in self._paths]
        digest = hashlib.sha256("|".join(others).encode()).hexdigest()[:16]
        return f"lowest {self._cost} of {len(self._paths)}, {digest} and {first}"

    def header_bytes(self, bitstream: bytes) -> int:
        return self._paths[0].header_bytes(bitstream)

    @property
    def device(self) -> torch.device:
        return self._paths[0].device

    def paths(self) -> Sequence[Codec]:
        return self._paths

    def costs(self, images: Tensor) -> Tensor:
        return torch.stack([self._cost.relaxed(path, images) for path in self._paths])


class _DrawnCheapest(_Cheapest):
    """The cheapest of several paths, some of which draw random numbers."""

    def draw(self, rng: np.random.Generator) -> Codec:
        return _Cheapest([drawn(path, rng) for path in self._paths], self._cost)
