"""The interface of metrics.

A metric compares a picture with its reference and returns one number::

    x, C(x') --metric--> float, or Unsupported if the value is not defined for these pictures

A metric of the second kind codes pictures again with the victim, for example to measure what is
left after ten generations::

    x, C(x'), recode --metric--> float

A suite names metrics in `metrics:`. They are recorded beside the standard scores, which every
evaluation has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeGuard, get_args, runtime_checkable

import numpy as np

from bench.codec import Image
from bench.errors import Unsupported, one_line, raise_if_machine

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
victim gives a mid-grey picture and a rate of 24 bits per pixel."""


@runtime_checkable
class RecodingMetric(Protocol):
    """A metric that codes pictures again with the victim.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite.

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


AnyMetric: TypeAlias = Metric | RecodingMetric


def check_pair(reference: Image, picture: Image) -> None:
    """Check that two pictures can be compared.

    Raises:
        ValueError: they differ in shape, or one is not uint8.
    """
    if reference.dtype != np.uint8 or picture.dtype != np.uint8:
        raise ValueError(f"pictures must be uint8, not {reference.dtype} and {picture.dtype}")
    if reference.shape != picture.shape:
        raise ValueError(f"pictures differ in shape: {reference.shape} and {picture.shape}")


def psnr_of(error: float) -> float:
    """Return the PSNR in dB of a mean squared error of pictures in [0, 1]; infinite for 0."""
    return -10 * math.log10(error) if error > 0 else math.inf


def is_metric(made: object) -> TypeGuard[AnyMetric]:
    """Return whether an object has the attributes of a metric, with valid values."""
    return (
        isinstance(made, Metric | RecodingMetric)
        and isinstance(made.unit, str)
        and made.better in get_args(Better)
        and isinstance(made.version, int)
    )


@dataclass(frozen=True)
class Reading:
    """The result of a metric for two pictures.

    Attributes:
        value: the value, or None if there is none.
        reason: why there is no value, in one sentence; otherwise empty.
    """

    value: float | None
    reason: str = ""


def read(metric: AnyMetric, reference: Image, picture: Image, recode: Recode) -> Reading:
    """Call a metric. An error inside the metric becomes the reason of the result.

    Args:
        metric: the metric.
        reference: uint8 (H, W, 3).
        picture: uint8 (H, W, 3).
        recode: codes a picture with the victim; used by metrics that code again.

    Raises:
        MachineError: the machine ran out of memory or another resource.
    """
    try:
        value = float(_called(metric, _lent(reference), _lent(picture), recode))
    except Unsupported as error:
        return Reading(None, one_line(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - what breaks inside a metric is its failure
        raise_if_machine(error)
        return Reading(None, one_line(error))
    return Reading(None, "it returned NaN") if math.isnan(value) else Reading(value)


def _called(metric: AnyMetric, reference: Image, picture: Image, recode: Recode) -> float:
    if isinstance(metric, RecodingMetric):
        return metric.after_recoding(reference, picture, recode)
    return metric(reference, picture)


def _lent(picture: Image) -> Image:
    """Return a read-only copy: torch writes into read-only arrays, and others use the picture."""
    copy = picture.copy()
    copy.setflags(write=False)
    return copy
