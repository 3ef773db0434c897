"""What a contract is about: one operating point, and the picture it is asked about most."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache

from bench.codec import Codec, Image
from bench.testing.pictures import waves


@dataclass(frozen=True)
class Figure:
    """A measured figure with its limit.

    Attributes:
        what: what was measured, as a sentence that the value ends.
        value: what it was.
        unit: of the value and its limits.
        limit: what is allowed here.
        usual: what is allowed where nothing else is stated.
        least: whether the limit is the least allowed; else it is the most.
    """

    what: str
    value: float
    unit: str
    limit: float
    usual: float
    least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is within the limit; what is no number is not."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    def __str__(self) -> str:
        side = "least" if self.least else "most"
        told = f"{self.what} {self.value:.3g} {self.unit}; at {side} {self.limit:g} {self.unit}"
        return told if self.limit == self.usual else f"{told}, usually {self.usual:g} {self.unit}"


class Subject(ABC):
    """One operating point of a codec.

    Attributes:
        largest: height and width of the picture that every codec has to code.
    """

    largest: tuple[int, int] = (64, 80)

    @abstractmethod
    def codec(self) -> Codec:
        """Return a new object of the operating point under test, the same every time."""

    def measured(self, figure: Figure) -> None:
        """Hear of a figure that is within its limit; pytest has no use for it."""
        del figure

    def _picture(self) -> Image:
        return frozen(waves(*self.largest))

    def _coded(self) -> tuple[bytes, Image]:
        """Return the largest picture's bitstream and what it decodes to, made once a class."""
        return _coded(type(self))


@cache
def _coded(subject: type[Subject]) -> tuple[bytes, Image]:
    made = subject()
    codec, image = made.codec(), frozen(waves(*made.largest))
    bitstream = codec.encode(image)
    return bitstream, codec.decode(bitstream)


def frozen(image: Image) -> Image:
    """Return it as the harness hands it out: read-only."""
    image.setflags(write=False)
    return image


def require(holds: bool, sentence: str) -> None:
    """Raise AssertionError with a sentence where something does not hold."""
    if not holds:
        raise AssertionError(sentence)
