"""The fourth seam: what tells by one number how near a picture is to its reference.

    x, C(x') --metric--> float      or Unsupported, where a pair of pictures has no such number

A metric is a frozen dataclass that is called with two pictures. It stands beside the scores of
`bench.metrics.scores`, which every cell has, where a suite names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeGuard, get_args, runtime_checkable

import numpy as np

from bench.codec import Image
from bench.errors import PLUGIN_ERRORS, Unsupported, one_line, raise_if_machine

Better: TypeAlias = Literal["higher", "lower"]
"""Which values speak for a codec."""


@runtime_checkable
class Metric(Protocol):
    """How near a picture is to its reference.

    Implementations are frozen dataclasses whose fields are their parameters in a suite.

    Attributes:
        unit: what its values are in, as a column's header names it; empty if they have none.
        better: which values are those of nearer pictures.
        version: raised whenever the same pictures would give another value.
    """

    unit: ClassVar[str]
    better: ClassVar[Better]
    version: ClassVar[int]

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return how near a picture is to its reference, both uint8 (H, W, 3) and read-only.

        Values may be infinite, never NaN.

        Raises:
            Unsupported: pictures of this size have no such value.
            ValueError: the two differ in shape (see `check_pair`).
        """
        ...


def check_pair(reference: Image, picture: Image) -> None:
    """See that two pictures can be compared.

    Raises:
        ValueError: they differ in shape, or one is not uint8.
    """
    if reference.dtype != np.uint8 or picture.dtype != np.uint8:
        raise ValueError(f"pictures must be uint8, not {reference.dtype} and {picture.dtype}")
    if reference.shape != picture.shape:
        raise ValueError(f"pictures differ in shape: {reference.shape} and {picture.shape}")


def psnr_of(error: float) -> float:
    """Return the PSNR in dB that a mean squared error on [0, 1] stands for; inf for 0."""
    return -10 * math.log10(error) if error > 0 else math.inf


def is_metric(made: object) -> TypeGuard[Metric]:
    """Tell whether something has all that a metric has to say of itself."""
    return (
        isinstance(made, Metric)
        and isinstance(made.unit, str)
        and made.better in get_args(Better)
        and isinstance(made.version, int)
    )


@dataclass(frozen=True)
class Reading:
    """What a metric said of two pictures.

    Attributes:
        value: None if it gave none.
        reason: why, in one sentence; else empty.
    """

    value: float | None
    reason: str = ""


def read(metric: Metric, reference: Image, picture: Image) -> Reading:
    """Ask a metric; what goes wrong inside it is a result.

    Args:
        metric: of anybody.
        reference: x.
        picture: of the same shape.
    """
    try:
        value = float(metric(_still(reference), _still(picture)))
    except Unsupported as error:
        return Reading(None, str(error))
    except PLUGIN_ERRORS as error:  # what breaks inside a metric is its failure
        raise_if_machine(error)
        return Reading(None, one_line(error))
    return Reading(None, "it returned NaN") if math.isnan(value) else Reading(value)


def _still(picture: Image) -> Image:
    """Return a view that cannot be written to: the pictures are scored by others, too."""
    view = picture.view()
    view.setflags(write=False)
    return view
