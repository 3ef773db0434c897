"""Means over pictures with bootstrap confidence intervals. Pure functions; numpy only.

    pictures, each with its starts --2,000 resamples of both--> means (2000,) --> interval

A resample has two levels: it draws pictures with replacement and, for every picture that it drew,
the starts of each search with replacement (`leaderboard.aggregate.starts`). The worst case over
what was drawn is one value; the mean over the pictures is one resample. Where every search has one
start, a resample has one level, the pictures. The chance of the searches is then in the interval
only as a part of the differences between the pictures, which nothing separates from the rest. With
several starts it is in both levels, so the interval is a little too wide where there are many
pictures (Davison and Hinkley, Bootstrap Methods, 1997, section 3.8) and less too narrow where there
are few.

A resample of starts can only lose the strongest start, so its worst case is lower on average than
that of all starts. The estimate is the worst case of all starts. Each picture's resampled values
are therefore shifted by their expected distance to it, which is known in closed form: the interval
lies around its estimate and keeps its width. It is the interval of what the same number of starts
finds on other pictures with other random numbers, not of the worst case that exists.

The interval is the percentile interval. Means are almost unbiased, so the correction terms of BCa
would come from the skewness of a few dozen values, which is mostly noise. Percentile intervals also
carry over to geometric means (means of logarithms) and to differences of two codecs on the same
resamples; BCa intervals do not. With fewer than `FEW` pictures every bootstrap interval is too
narrow. The board says so. `leaderboard.ranking.significance` decides ranks without intervals.

Every resampling uses the same seed. Two codecs on the same pictures see the same resamples of the
pictures, each with starts of its own, and the same records always give the same board.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]

RESAMPLES = 2000
SEED = 0
TAILS = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

FEW = 10
"""Number of pictures below which an interval is too narrow."""

_BATCH = 4_000_000
"""Random numbers drawn at once. This bounds the memory for many pictures."""


@dataclass(frozen=True)
class Sampled:
    """The value of one picture, and its values under resampled starts.

    Attributes:
        value: the worst case of all starts.
        outcomes: values of resamples, each with the cumulative probability up to it; the last
            probability is 1.
    """

    value: float
    outcomes: tuple[tuple[float, float], ...]

    def map(self, function: Callable[[float], float]) -> Sampled:
        """Return a function of the value, and of the value in each resample."""
        return Sampled(
            function(self.value), tuple((function(one), chance) for one, chance in self.outcomes)
        )


Value: TypeAlias = float | Sampled
"""The value of one picture; a number where there are no starts to resample."""


@dataclass(frozen=True)
class Sample:
    """One value per picture, with the values under resampled starts.

    Attributes:
        pictures: one for each picture, in the order of the resamples.
    """

    pictures: tuple[Sampled, ...]

    @cached_property
    def values(self) -> Values:
        """The value of each picture, (pictures,)."""
        return np.array([one.value for one in self.pictures], dtype=np.float64)

    @property
    def logarithms(self) -> Sample:
        """The sample of the logarithms; the values are positive."""
        return Sample(tuple(one.map(_logarithm) for one in self.pictures))

    @property
    def has_starts(self) -> bool:
        """Whether a resample of starts can change a value."""
        return any(len(one.outcomes) > 1 for one in self.pictures)

    @cached_property
    def variance_of_starts(self) -> float:
        """The variance of a value under resampled starts, mean over the pictures."""
        return float(np.mean([_variance(one) for one in self.pictures]))

    @cached_property
    def outcomes(self) -> Values:
        """The outcomes of all pictures, one picture after the other, centred on its value."""
        return np.concatenate([_centred(one) for one in self.pictures])

    @cached_property
    def limits(self) -> Values:
        """For each outcome: number of its picture + cumulative probability; rising."""
        chances = [[chance for _, chance in one.outcomes] for one in self.pictures]
        return np.concatenate([index + np.array(row) for index, row in enumerate(chances)])

    @cached_property
    def last(self) -> npt.NDArray[np.int64]:
        """Index of the last outcome of each picture, (pictures,)."""
        return np.cumsum([len(one.outcomes) for one in self.pictures]) - 1


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


def sample(values: Iterable[Value | None]) -> Sample:
    """Return the values that are neither None nor NaN, as they are resampled."""
    spread = (one if isinstance(one, Sampled) else _fixed(one) for one in values if one is not None)
    return Sample(tuple(one for one in spread if not math.isnan(one.value)))


def mean(values: Iterable[Value | None]) -> Estimate | None:
    """Return the mean of the values that are not None, or None if there are none."""
    known = sample(values)
    return _estimate(known, known) if known.pictures else None


def geometric_mean(values: Iterable[Value | None]) -> Estimate | None:
    """Return the geometric mean of the positive values that are not None, or None."""
    known = sample(values)
    if not known.pictures:
        return None
    return _estimate(known, known.logarithms, of_logarithms=True)


def interval_of_mean(known: Sample) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a mean; None for fewer than two pictures."""
    if len(known.pictures) < 2:
        return None
    low, high = np.percentile(resampled_means(known), TAILS)
    return float(low), float(high)


def resampled_means(known: Sample, resamples: int = RESAMPLES) -> Values:
    """Return the means of some resamples with replacement, (resamples,).

    Args:
        known: at least one picture.
        resamples: their number. All samples with as many pictures see the same pictures.
    """
    count = len(known.pictures)
    is_small = count * resamples <= _BATCH
    draws = _draws_at_once(count, resamples) if is_small else _draws(count, resamples)
    if not known.has_starts:
        return np.concatenate([known.values[draw].mean(1) for draw in draws])
    rng = np.random.default_rng([SEED, 1])
    return np.concatenate([_drawn(known, draw, rng).mean(1) for draw in draws])


def _drawn(known: Sample, draw: npt.NDArray[np.int64], rng: np.random.Generator) -> Values:
    """Return the values of the drawn pictures, each with starts of its own draw."""
    index = np.searchsorted(known.limits, draw + rng.random(draw.shape), side="right")
    drawn: Values = known.outcomes[np.minimum(index, known.last[draw])]
    return drawn


def _centred(one: Sampled) -> Values:
    """Return the outcomes, shifted so that their expectation is the value of all starts."""
    outcomes: Values = np.array(one.outcomes, dtype=np.float64)
    values, chances = outcomes[:, 0], outcomes[:, 1]
    if len(values) == 1 or not np.isfinite(values).all():
        return values
    shifted: Values = values + (one.value - values @ np.diff(chances, prepend=0.0))
    return shifted


def _variance(one: Sampled) -> float:
    values, chances = np.array(one.outcomes, dtype=np.float64).T
    weights = np.diff(chances, prepend=0.0)
    return float(weights @ (values - weights @ values) ** 2)


def _fixed(value: float) -> Sampled:
    return Sampled(value, ((value, 1.0),))


def _logarithm(value: float) -> float:
    return float(np.log(value))


@lru_cache(maxsize=4)
def _draws_at_once(count: int, resamples: int) -> tuple[npt.NDArray[np.int64], ...]:
    return tuple(_draws(count, resamples))


def _draws(count: int, resamples: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield rows of `count` indices below `count`, one for each resample, in batches."""
    rng = np.random.default_rng(SEED)
    step = max(1, _BATCH // count)
    for start in range(0, resamples, step):
        yield rng.integers(0, count, (min(step, resamples - start), count))


def _estimate(known: Sample, scaled: Sample, *, of_logarithms: bool = False) -> Estimate:
    values, unscale = known.values, math.exp if of_logarithms else float
    interval = _interval(scaled)
    return Estimate(
        mean=unscale(scaled.values.mean()),
        low=None if interval is None else unscale(interval[0]),
        high=None if interval is None else unscale(interval[1]),
        median=float(_median(values)),
        most=float(values.max()),
        least=float(values.min()),
        count=len(values),
    )


def _interval(known: Sample) -> tuple[float, float] | None:
    """Return the interval; values that are not finite have one only if all are equal."""
    values = known.outcomes if known.has_starts else known.values
    if np.isfinite(values).all():
        return interval_of_mean(known)
    same = len(known.pictures) > 1 and bool((values == values[0]).all())
    return (float(values[0]), float(values[0])) if same else None


def _median(values: Values) -> float:
    """Return the median; the median of two equal infinities is that infinity."""
    ordered = np.sort(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    return float(low if low == high else (low + high) / 2)
