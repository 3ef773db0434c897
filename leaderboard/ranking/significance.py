"""Which codecs of a list differ in their mean cost, and the ranks that follow.

    costs --all pairs, paired t-test--> p values --Holm--> verdicts

All codecs see the same pictures. For the differences d of two codecs on n pictures, the statistic
is the mean of d divided by its standard error, with the t distribution of n - 1 degrees of freedom.
The variance of the mean is

    (var(d) + mean(v) + mean(w)) / n

where v and w are the variances of each picture's value through the random starts of the searches on
the two codecs. It is that of the two-level bootstrap of `leaderboard.aggregate.bootstrap`. With one
start, v and w are 0 and this is the paired t-test. On few pictures a percentile interval of the
bootstrap separates equal codecs far too often; the t distribution takes their number into account.
It assumes that the mean of the differences is about normal.

R-D costs are compared by their logarithms, so by the ratio of two codecs' costs on a picture. The
ratio varies less between pictures than the difference, and one picture on which a codec breaks down
does not hide that it costs more on all others.

Holm's procedure (1979) goes through the p values of all m pairs from the smallest on: the first
must be at most 0.05 / m, the next 0.05 / (m - 1), and so on; the first one that is too large ends
it. The probability that a list separates any two equal codecs is then at most 5 %.

Verdicts on pairs are not transitive: A can differ from C while B differs from neither. So no codec
inherits the verdict of another one:

- the rank of a codec is 1 + the number of codecs that are significantly better;
- a codec is tied with every ranked codec from which it does not differ significantly.

In the example A and B have rank 1, C has rank 2, and B is tied with both. A codec whose cost varies
much between the pictures differs from few others; its rank can be better than that of a codec with
a lower mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from leaderboard.aggregate.bootstrap import Sample

LEVEL = 0.05
"""Largest probability that a list separates any two equal codecs."""


@dataclass(frozen=True)
class Place:
    """The place of a codec in a list.

    Attributes:
        rank: 1 + number of codecs that are significantly better.
        ties: indices of the codecs from which it does not differ significantly.
    """

    rank: int
    ties: tuple[int, ...]


def places(costs: Sequence[Sample], *, by_ratio: bool) -> list[Place]:
    """Return the place of each codec.

    Args:
        costs: the cost of each codec on the same pictures in the same order; lower is better.
        by_ratio: whether two costs on a picture are compared by their ratio, not by their
            difference; for positive costs.
    """
    better = significantly_better(costs, by_ratio=by_ratio)
    differs = better | better.T
    return [
        Place(
            rank=1 + int(better[:, index].sum()),
            ties=tuple(i for i in range(len(costs)) if i != index and not differs[index, i]),
        )
        for index in range(len(costs))
    ]


def significantly_better(costs: Sequence[Sample], *, by_ratio: bool) -> npt.NDArray[np.bool_]:
    """Return whether codec i has a significantly lower mean than codec j, (i, j).

    With fewer than two pictures no codec differs from another one.

    Args:
        costs: the cost of each codec on the same pictures in the same order; lower is better.
        by_ratio: whether geometric means are compared; for positive costs.
    """
    better = np.zeros((len(costs), len(costs)), dtype=bool)
    if len(costs) < 2 or len(costs[0].pictures) < 2:
        return better
    compared = [one.logarithms for one in costs] if by_ratio else costs
    pairs = list(combinations(range(len(costs)), 2))
    p_values = [p_value(compared[i], compared[j]) for i, j in pairs]
    for (i, j), is_different in zip(pairs, holm(p_values), strict=True):
        if is_different:
            is_first = compared[i].values.mean() < compared[j].values.mean()
            better[(i, j) if is_first else (j, i)] = True
    return better


def holm(p_values: Sequence[float]) -> list[bool]:
    """Return which of some hypotheses are rejected at `LEVEL`, with Holm's correction."""
    rejected = [False] * len(p_values)
    for done, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[index] > LEVEL / (len(p_values) - done):
            break
        rejected[index] = True
    return rejected


def p_value(one: Sample, other: Sample) -> float:
    """Return the two-sided p value of the hypothesis that two means are equal.

    It is 1 if a value is not finite.

    Args:
        one: at least two pictures.
        other: the same pictures in the same order.
    """
    if not np.isfinite([one.values, other.values]).all():
        return 1.0
    mean, count = float((one.values - other.values).mean()), len(one.values)
    variance = variance_of_difference(one, other)
    if mean == 0:
        return 1.0
    statistic = math.inf if variance == 0 else abs(mean) / math.sqrt(variance / count)
    return 2 * float(stdtr(count - 1, -statistic))


def variance_of_difference(one: Sample, other: Sample) -> float:
    """Return the variance of the difference of two values on a picture, that of starts included.

    Args:
        one: at least two pictures.
        other: the same pictures in the same order.
    """
    of_pictures = float((one.values - other.values).var(ddof=1))
    return of_pictures + one.variance_of_starts + other.variance_of_starts
