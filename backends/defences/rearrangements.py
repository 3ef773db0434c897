"""Defences that rearrange a picture before it is coded, and undo it after it is decoded.

A perturbation made for one arrangement should not fit another one. Which it was is fixed, drawn for
every picture, or whatever costs the encoder least; of the latter two the decoder is told.

    Xie et al., Mitigating adversarial effects through randomization, https://arxiv.org/abs/1711.01991
    Chen & Ma (self-ensemble), https://arxiv.org/abs/2112.08691
    Song et al. (two-way), https://arxiv.org/abs/2401.11902
    NIC-RobustBench (flips, turns, rolls, colour orders), https://arxiv.org/abs/2506.19051
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
"""How many ways an encoder tries, at most, to find the cheapest."""


@dataclass(frozen=True)
class Flip:
    """Mirrored before coding.

    Args:
        way: which axis is exchanged; "random" draws one of the four for every picture, "cost" keeps
            the one with the lowest bpp + lmbda 255^2 MSE against the encoder's input.
        lmbda: of the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal["horizontal", "vertical", "both"] | Rule = "horizontal"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of mirrored pictures."""
        return _ruled(FLIPS, ("horizontal", "vertical", "both"), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Rotate:
    """Turned before coding.

    Args:
        way: by how many degrees, anticlockwise; or "random" or "cost", as of `Flip`.
        lmbda: of the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal[90, 180, 270] | Rule = 90
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of turned pictures."""
        return _ruled(TURNS, (90, 180, 270), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Reorder:
    """Colour planes exchanged before coding.

    Args:
        way: which colours stand in the place of red, green and blue; or "random" or "cost", as of
            `Flip`.
        lmbda: of the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Literal["rbg", "grb", "gbr", "brg", "bgr"] | Rule = "bgr"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of pictures in other colours."""
        return _ruled(ORDERS, ("rbg", "grb", "gbr", "brg", "bgr"), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class Roll:
    """Moved down and to the right before coding, what leaves at one edge coming back at the other.

    Args:
        way: by how many pixels, both ways; or "random" or "cost", as of `Flip`.
        stride: the random ones, and those that are tried, are by multiples of so many pixels.
        lmbda: of the cost.
    """

    gradient: ClassVar[str] = "exact"
    way: Annotated[int, Field(ge=1, lt=REACH)] | Rule = 8
    stride: Annotated[int, Field(ge=1, lt=REACH)] = 1
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of moved pictures."""
        if isinstance(self.way, int):
            return layered(only(Shift(self.way, self.way)), 0, codec)
        return _ruled(rolls(self.stride), (), self.way, self.lmbda, codec)


@dataclass(frozen=True)
class RandomEnsemble:
    """One of all combinations of flips, turns, colour orders and rolls, for every picture."""

    gradient: ClassVar[str] = "exact"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of pictures rearranged at random."""
        every = everything()
        return randomised(every.size, lambda index: layered(every, index, codec))


@dataclass(frozen=True)
class SelfEnsemble:
    """The one of eight flips and turns that comes back with the lowest MSE against the input."""

    gradient: ClassVar[str] = "exact, all eight"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec that tries all eight."""
        return cheapest([layered(SYMMETRIES, way, codec) for way in range(8)], OwnCost())


@dataclass(frozen=True)
class TwoWay:
    """A picture as it is, or under one flip or turn drawn for it, whichever costs less.

    Args:
        lmbda: of the cost bpp + lmbda 255^2 MSE against the encoder's input.
    """

    gradient: ClassVar[str] = "exact, both"
    lmbda: Lambda = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec that tries both."""
        return randomised(SYMMETRIES.size - 1, partial(self._pair, codec))

    def _pair(self, codec: Codec, drawn: int) -> Codec:
        ways = [layered(SYMMETRIES, way, codec) for way in (0, drawn + 1)]
        return cheapest(ways, OwnCost(self.lmbda))


def _ruled(
    family: Family, named: Sequence[object], way: object, lmbda: float, codec: Codec
) -> Codec:
    """Return a codec inside a layer of a family: one that has a name, or one by a rule.

    Args:
        family: its first layer has no name, it leaves a picture as it is.
        named: what its other layers are called.
        way: a name or a rule.
        lmbda: of the cost.
        codec: what is inside.

    Raises:
        ConfigError: there are too many to try.
    """
    if way in named:
        return layered(only(family.layer(1 + named.index(way))), 0, codec)
    if way == "random":
        return randomised(family.size, lambda index: layered(family, index, codec))
    if family.size > MOST_WAYS:
        raise ConfigError(f"{family.name} are {family.size} ways to try, the most are {MOST_WAYS}")
    return cheapest([layered(family, i, codec) for i in range(family.size)], OwnCost(lmbda))
