"""The interface of metrics.

A metric compares a picture with its reference and returns one number::

    x, C(x') --metric--> float, or Unsupported if the value is not defined for these pictures

A metric of the second kind codes pictures again with the victim, for example to measure what is
left after ten generations::

    x, C(x'), recode --metric--> float

A metric of the third kind compares the decoded picture with the picture that was coded, which the
codec alone is responsible for::

    x', C(x') --metric--> float

A metric of the fourth kind damages the bitstream and decodes it::

    x, bitstream of x' --metric--> damaged bitstreams --decoder of the victim--> float

A suite names metrics in `metrics:`. They are recorded beside the standard scores, which every
evaluation has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeGuard, get_args, runtime_checkable

import numpy as np

from bench.codec import Image
from bench.errors import Unsupported

Better: TypeAlias = Literal["higher", "lower"]
"""Which values are better for the codec."""


@runtime_checkable
class Metric(Protocol):
    """A function of a picture and its reference.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite.

    Attributes:
        unit: the unit of its values, for column headers; empty if there is none.
        better: whether higher or lower values mean that the picture is closer to the reference.
        version: increase it when the same pictures give another value.
    """

    unit: ClassVar[str]
    better: ClassVar[Better]
    version: ClassVar[int]

    def __call__(self, reference: Image, picture: Image) -> float:
        """Compare a picture with its reference.

        Args:
            reference: uint8 (H, W, 3), read-only.
            picture: uint8 (H, W, 3), read-only.

        Returns:
            The value. It may be infinite but not NaN.

        Raises:
            Unsupported: the value is not defined for pictures of this size.
            ValueError: the two pictures differ in shape (`check_pair` raises it).
        """
        ...


@dataclass(frozen=True)
class Recoded:
    """A picture that was encoded and decoded.

    Attributes:
        image: the decoded picture, uint8 (H, W, 3).
        bpp: the rate of its bitstream in bits per pixel.
    """

    image: Image
    bpp: float


Recode: TypeAlias = Callable[[Image], Recoded]
"""Encodes a picture, uint8 (H, W, 3), with the victim and decodes the bytes again. A failure of the
victim gives a mid-grey picture and a rate of 24 bits per pixel. In one evaluation the same picture
is coded once, whichever metric asks."""


@runtime_checkable
class RecodingMetric(Protocol):
    """A metric that codes pictures again with the victim.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite. A float
    `codings` tells `bench plan` how often an evaluation is encoded and decoded again.

    Attributes:
        unit: as of `Metric`.
        better: whether higher or lower values are better for the codec.
        version: increase it when the same pictures and codec give another value.
    """

    unit: ClassVar[str]
    better: ClassVar[Better]
    version: ClassVar[int]

    def after_recoding(self, reference: Image, picture: Image, recode: Recode) -> float:
        """Return the value for a decoded picture and what becomes of it when it is coded again.

        Args:
            reference: the source picture x, uint8 (H, W, 3), read-only.
            picture: the decoded picture C(x'), same shape, read-only.
            recode: codes a picture with the victim.

        Returns:
            The value. It may be infinite but not NaN.

        Raises:
            Unsupported: the value is not defined for pictures of this size.
        """
        ...


@runtime_checkable
class InputMetric(Protocol):
    """A metric of the decoded picture and the picture that was coded, adversarial or not.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite.

    Attributes:
        unit: as of `Metric`.
        better: whether higher or lower values are better for the codec.
        version: increase it when the same pictures give another value.
    """

    unit: ClassVar[str]
    better: ClassVar[Better]
    version: ClassVar[int]

    def against_input(self, coded: Image, decoded: Image) -> float:
        """Compare what was decoded with what was coded.

        Args:
            coded: the picture x' that was coded, uint8 (H, W, 3), read-only; x itself in the
                evaluation of the clean picture.
            decoded: the decoded picture C(x'), same shape, read-only.

        Returns:
            The value. It may be infinite but not NaN.

        Raises:
            Unsupported: the value is not defined for pictures of this size.
        """
        ...


Decode: TypeAlias = Callable[[bytes], Image | None]
"""Decodes bytes with the victim, to uint8 (H, W, 3) of the size of x. None if that fails: the
decoder refuses the bytes, crashes, takes too long, or gives a picture of another size."""


@dataclass(frozen=True)
class Stream:
    """A bitstream of the victim.

    Attributes:
        content: the bytes that the encoder wrote; empty where it could not encode the picture.
        decode: decodes these bytes or others.
    """

    content: bytes
    decode: Decode


@runtime_checkable
class StreamMetric(Protocol):
    """A metric that decodes damaged versions of the bitstream.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite. A float
    `codings` tells `bench plan` how often an evaluation is encoded and decoded again.

    Attributes:
        unit: as of `Metric`.
        better: whether higher or lower values are better for the codec.
        version: increase it when the same bitstream and codec give another value.
    """

    unit: ClassVar[str]
    better: ClassVar[Better]
    version: ClassVar[int]

    def after_damage(self, reference: Image, stream: Stream) -> float:
        """Return the value for the bitstream of a picture.

        Args:
            reference: the source picture x, uint8 (H, W, 3), read-only.
            stream: the bitstream of the picture x' that was coded.

        Returns:
            The value. It may be infinite but not NaN.

        Raises:
            Unsupported: the value is not defined for this bitstream.
        """
        ...


AnyMetric: TypeAlias = Metric | RecodingMetric | InputMetric | StreamMetric


def check_pair(reference: Image, picture: Image) -> None:
    """Check that two pictures can be compared.

    Raises:
        ValueError: they differ in shape, or one is not uint8.
    """
    if reference.dtype != np.uint8 or picture.dtype != np.uint8:
        raise ValueError(f"pictures must be uint8, not {reference.dtype} and {picture.dtype}")
    if reference.shape != picture.shape:
        raise ValueError(f"pictures differ in shape: {reference.shape} and {picture.shape}")


def check_side(what: str, least: int, size: Sequence[int]) -> None:
    """Check that a picture is large enough.

    Args:
        what: what needs a least size, such as the name of a metric.
        least: the least short side, in pixels.
        size: height and width of the picture.

    Raises:
        Unsupported: the short side is below `least` pixels.
    """
    side = min(size)
    if side < least:
        raise Unsupported(
            f"{what} needs a short side of at least {least} pixels, this picture has {side}"
        )


def psnr_of(error: float) -> float:
    """Return the PSNR in dB of a mean squared error of pictures in [0, 1]; infinite for 0."""
    return -10 * math.log10(error) if error > 0 else math.inf


def is_metric(made: object) -> TypeGuard[AnyMetric]:
    """Return whether an object has the attributes of a metric, with valid values."""
    return (
        isinstance(made, Metric | RecodingMetric | InputMetric | StreamMetric)
        and isinstance(made.unit, str)
        and made.better in get_args(Better)
        and isinstance(made.version, int)
    )
