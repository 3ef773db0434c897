"""Base classes and helpers of the conformance tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from math import log10
from unittest import SkipTest

from bench.codec import Codec, Image
from bench.testing.pictures import waves

_NEAR = 0.8
"""A maximum is near from this share of it on; a minimum in dB at the same ratio of errors."""


class NotApplicable(SkipTest):
    """A promise does not concern a codec; the message is the reason. pytest reports a skip."""


class BrokenPromise(AssertionError):
    """A promise does not hold; the message is one sentence."""


@dataclass(frozen=True)
class Figure:
    """A measured value with its limit.

    Attributes:
        name: name of the quantity, as a phrase that the value completes.
        value: the value.
        unit: the unit of the value and its limits.
        limit: the limit that applies.
        usual: the limit for codecs that state no tolerances.
        least: whether the limit is a minimum, in dB; otherwise it is a maximum.
    """

    name: str
    value: float
    unit: str
    limit: float
    usual: float
    least: bool = False

    @property
    def is_within(self) -> bool:
        """Whether the value is within the limit; NaN is not."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def is_near(self) -> bool:
        """Whether the value is within the limit, and beyond it if its error were 25 % larger."""
        margin = self.limit - 10 * log10(_NEAR) if self.least else self.limit * _NEAR
        return self.is_within and (self.value < margin if self.least else self.value > margin)

    def __str__(self) -> str:
        side = "least" if self.least else "most"
        text = f"{self.name} {self.value:.3g} {self.unit}; at {side} {self.limit:g} {self.unit}"
        return text if self.limit == self.usual else f"{text}, usually {self.usual:g} {self.unit}"


class Subject(ABC):
    """The codec under test.

    Attributes:
        largest: height and width of a picture that every codec must support.
    """

    largest: tuple[int, int] = (64, 80)

    @abstractmethod
    def codec(self) -> Codec:
        """Return a new object of the operating point under test; the same one at every call."""

    def measured(self, figure: Figure) -> None:
        """Receive a value that is within its limit; `bench check` overrides this to print it."""
        del figure

    def _picture(self) -> Image:
        return frozen(waves(*self.largest))

    def _coded(self) -> tuple[bytes, Image]:
        """Return the bitstream and reconstruction of the largest picture, cached per class."""
        return _coded(type(self))


@cache
def _coded(subject: type[Subject]) -> tuple[bytes, Image]:
    codec, image = subject().codec(), frozen(waves(*subject.largest))
    bitstream = encoded(codec, image)
    return bitstream, codec.decode(bitstream)


def encoded(codec: Codec, image: Image) -> bytes:
    """Return the bitstream of a picture; raise BrokenPromise if it is not exactly bytes."""
    bitstream: object = codec.encode(image)
    if type(bitstream) is not bytes:
        raise BrokenPromise(f"encode() returned {type(bitstream).__name__}, not bytes")
    return bitstream


def frozen(image: Image) -> Image:
    """Return the image, made read-only, as the harness passes pictures to codecs."""
    image.setflags(write=False)
    return image


def require(condition: bool, message: str) -> None:
    """Raise BrokenPromise with a message if a condition is false."""
    if not condition:
        raise BrokenPromise(message)
