"""What a contract is about: one operating point, and the picture it is asked about most."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

from bench.codec import Codec, Image
from bench.testing.figures import Figure
from bench.testing.pictures import waves


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
