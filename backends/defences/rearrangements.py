"""Defences that rearrange a picture before encoding and undo the rearrangement after decoding.

A perturbation found for one arrangement should not transfer to another. The arrangement is fixed,
drawn at random for every picture, or the one with the lowest cost at the encoder. In the last two
cases the bitstream signals it to the decoder.

    Xie et al., Mitigating adversarial effects through randomization, https://arxiv.org/abs/1711.01991
    Chen & Ma (self-ensemble), https://arxiv.org/abs/2112.08691
    Song et al. (two-way), https://arxiv.org/abs/2401.11902
    NIC-RobustBench (flips, rotations, shifts, colour orders), https://arxiv.org/abs/2506.19051
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from backends.defences.symmetries import (
    FLIPS,
    ORDERS,
    REACH,
    SYMMETRIES,
    TURNS,
    Shift,
    everything,
    rolls,
)
from bench.codec import Codec
from bench.defence import Family, OwnCost, only
from bench.errors import ConfigError
from bench.wrapping import cheapest, layered, randomised

Rule: TypeAlias = Literal["random", "cost"]
Lambda: TypeAlias = Annotated[float, Field(gt=0)]

MOST_WAYS = 16
"""The most arrangements that an encoder tries to find the one with the lowest cost."""


@dataclass(frozen=True)
class Flip:
    """Mirroring before encoding.

    Args:
        way: the mirrored axis; "random" draws one of the four flips (including none) for every
            picture, "cost" uses the flip with the lowest bpp + lmbda 255^2 MSE against the
            encoder's input.
        lmbda: weight of the distortion in the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal["horizontal", "vertical", "both"] | Rule = "horizontal"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        return _defended(FLIPS, ("horizontal", "vertical", "both"), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Rotate:
    """Rotation before encoding.

    Args:
        way: the angle in degrees, anticlockwise; or "random" or "cost", see `Flip`.
        lmbda: weight of the distortion in the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal[90, 180, 270] | Rule = 90
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        return _defended(TURNS, (90, 180, 270), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Reorder:
    """Permutation of the colour channels before encoding.

    Args:
        way: the channels that take the place of red, green and blue; or "random" or "cost", see
            `Flip`.
        lmbda: weight of the distortion in the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal["rbg", "grb", "gbr", "brg", "bgr"] | Rule = "bgr"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        return _defended(ORDERS, ("rbg", "grb", "gbr", "brg", "bgr"), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Roll:
    """Cyclic shift down and to the right before encoding.

    Args:
        way: the shift along both axes, in pixels; or "random" or "cost", see `Flip`.
        stride: "random" and "cost" use shifts by multiples of this number of pixels.
        lmbda: weight of the distortion in the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Annotated[int, Field(ge=1, lt=REACH)] | Rule = 8
    stride: Annotated[int, Field(ge=1, lt=REACH)] = 1
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        if isinstance(self.way, int):
            return layered(only(Shift(self.way, self.way)), 0, codec)
        return _defended(rolls(self.stride), (), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class RandomEnsemble:
    """A random combination of flip, rotation, colour order and cyclic shift for every picture."""

    gradient: ClassVar[str] = "exact"

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        family = everything()
        return randomised(family.size, lambda index: layered(family, index, codec))


@dataclass(frozen=True)
class SelfEnsemble:
    """The one of eight flips and rotations with the lowest MSE against the encoder's input.

    Chen & Ma 2021, arXiv 2112.08691.
    """

    gradient: ClassVar[str] = "exact, through all eight"

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        return cheapest([layered(SYMMETRIES, way, codec) for way in range(8)], OwnCost())


@dataclass(frozen=True)
class TwoWay:
    """The unchanged picture or one random flip or rotation of it, whichever has the lower cost.

    Song et al. 2024, arXiv 2401.11902.

    Args:
        lmbda: weight in the cost bpp + lmbda 255^2 MSE against the encoder's input.
    """

    gradient: ClassVar[str] = "exact, through both"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the defended codec."""
        return randomised(SYMMETRIES.size - 1, partial(self._pair, codec))

    def _pair(self, codec: Codec, index: int) -> Codec:
        ways = [layered(SYMMETRIES, way, codec) for way in (0, index + 1)]
        return cheapest(ways, OwnCost(self.lmbda))


def _defended(
    family: Family, named: Sequence[object], way: object, lmbda: float, codec: Codec
) -> Codec:
    """Return a codec with a layer of a family: a named one, a random one, or the cheapest one.

    Args:
        family: its first layer leaves the picture unchanged and has no name.
        named: names of its other layers.
        way: a name, "random" or "cost".
        lmbda: weight of the distortion in the cost.
        codec: the bare codec.

    Raises:
        ConfigError: the family has too many layers to try them all.
    """
    if way in named:
        return layered(only(family.layer(1 + named.index(way))), 0, codec)
    if way == "random":
        return randomised(family.size, lambda index: layered(family, index, codec))
    if family.size > MOST_WAYS:
        raise ConfigError(
            f"{family.name} are {family.size} arrangements, 'cost' tries at most {MOST_WAYS}; raise"
            " 'stride', or use 'random'"
        )
    return cheapest([layered(family, i, codec) for i in range(family.size)], OwnCost(lmbda))
