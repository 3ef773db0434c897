"""Means over pictures with bootstrap confidence intervals. Pure functions; numpy only.

    values (pictures,) --2,000 resamples of the pictures--> means (2000,) --percentiles--> interval

The interval is the percentile interval. Means are almost unbiased, so the correction terms of BCa
would come from the skewness of a few dozen values, which is mostly noise. Percentile intervals also
carry over to geometric means (means of logarithms) and to differences of two codecs on the same
resamples; BCa intervals do not. With fewer than ten pictures every bootstrap interval is too
narrow. The board says so.

Every resampling uses the same seed. Two codecs on the same pictures see the same resamples, and the
same records always give the same board.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]

RESAMPLES = 2000
SEED = 0
TAILS = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

_BATCH = 4_000_000
"""Random numbers drawn at once. This bounds the memory for many pictures."""


@dataclass(frozen=True)
class Estimate:
    """Statistics of one value per picture.

    Attributes:
        mean: arithmetic or geometric mean over the pictures.
        low: lower end of the 95 % bootstrap interval of the mean; None for a single picture.
        high: upper end of that interval.
        median: median over the pictures.
        most: the largest value.
        least: the smallest value.
        count: number of pictures.
    """

    mean: float
    low: float | None
    high: float | None
    median: float
    most: float
    least: float
    count: int


def mean(values: Iterable[float | None]) -> Estimate | None:
    """Return the mean of the values that are not None, or None if there are none."""
    array = _defined(values)
    return _estimate(array, array) if array.size else None


def geometric_mean(values: Iterable[float | None]) -> Estimate | None:
    """Return the geometric mean of the positive values that are not None, or None."""
    array = _defined(values)
    return _estimate(array, np.log(array), of_logarithms=True) if array.size else None


def interval_of_mean(values: Values) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    low, high = np.percentile(resampled_means(values), TAILS)
    return float(low), float(high)


def is_separated(first: Values, second: Values) -> bool:
    """Return whether two codecs' means differ: the paired difference's interval excludes 0.

    Args:
        first: one value per picture.
        second: the other codec's values for the same pictures in the same order.
    """
    interval = interval_of_mean(first - second)
    return interval is not None and not interval[0] <= 0 <= interval[1]


def resampled_means(values: Values) -> Values:
    """Return the means of `RESAMPLES` resamples with replacement."""
    count = len(values)
    draws = _draws_at_once(count) if count <= _BATCH // RESAMPLES else _draws(count)
    return np.concatenate([values[draw].mean(1) for draw in draws])


@lru_cache(maxsize=4)
def _draws_at_once(count: int) -> tuple[npt.NDArray[np.int64], ...]:
    return tuple(_draws(count))


def _draws(count: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield `RESAMPLES` rows of `count` indices below `count`, in batches."""
    rng = np.random.default_rng(SEED)
    step = max(1, _BATCH // count)
    for start in range(0, RESAMPLES, step):
        yield rng.integers(0, count, (min(step, RESAMPLES - start), count))


def _estimate(values: Values, scaled: Values, *, of_logarithms: bool = False) -> Estimate:
    unscale = math.exp if of_logarithms else float
    interval = _interval(scaled)
    return Estimate(
        mean=unscale(scaled.mean()),
        low=None if interval is None else unscale(interval[0]),
        high=None if interval is None else unscale(interval[1]),
        median=float(_median(values)),
        most=float(values.max()),
        least=float(values.min()),
        count=len(values),
    )


def _interval(values: Values) -> tuple[float, float] | None:
    """Return the interval; values that are not finite have one only if all are equal."""
    if np.isfinite(values).all():
        return interval_of_mean(values)
    same = len(values) > 1 and bool((values == values[0]).all())
    return (float(values[0]), float(values[0])) if same else None


def _median(values: Values) -> float:
    """Return the median; the median of two equal infinities is that infinity."""
    ordered = np.sort(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    return float(low if low == high else (low + high) / 2)


def _defined(values: Iterable[float | None]) -> Values:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return np.array(known, dtype=np.float64)
