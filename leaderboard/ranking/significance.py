"""Which codecs of a list differ in their mean cost, and the ranks that follow.

    costs --resamples--> means (codecs, resamples) --all pairs--> p values --Holm--> verdicts

The p value of a pair is two-sided: twice the share of resamples in which the difference of the
means has the rarer sign, or is zero. All codecs see the same pictures; the starts of each codec are
resampled on their own. Holm's procedure (1979) goes through the p values of all m pairs from the
smallest on: the first must be at most 0.05 / m, the next 0.05 / (m - 1), and so on; the first one
that is too large ends it. The probability that a list separates any two equal codecs is then at
most 5 %, as far as the resamples represent other pictures and other starts.

Verdicts on pairs are not transitive: A can differ from C while B differs from neither. So no codec
inherits the verdict of another one:

- the rank of a codec is 1 + the number of codecs that are significantly better;
- a codec is tied with every ranked codec from which it does not differ significantly.

In the example A and B have rank 1, C has rank 2, and B is tied with both. A codec whose cost varies
much between the pictures differs from few others; its rank can be better than that of a codec with
a lower mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from leaderboard.aggregate.bootstrap import Sample, Values, resampled_means

LEVEL = 0.05
"""Largest probability that a list separates any two equal codecs."""

_RESAMPLES, _PER_PAIR = 20_000, 80
"""Resamples of a list, and their least number for each pair: a p value must be able to be small."""


@dataclass(frozen=True)
class Place:
    """The place of a codec in a list.

    Attributes:
        rank: 1 + number of codecs that are significantly better.
        ties: indices of the codecs from which it does not differ significantly.
    """

    rank: int
    ties: tuple[int, ...]


def places(costs: Sequence[Sample]) -> list[Place]:
    """Return the place of each codec.

    Args:
        costs: the cost of each codec on the same pictures in the same order; lower is better.
    """
    better = significantly_better(costs)
    differs = better | better.T
    return [
        Place(
            rank=1 + int(better[:, index].sum()),
            ties=tuple(i for i in range(len(costs)) if i != index and not differs[index, i]),
        )
        for index in range(len(costs))
    ]


def significantly_better(costs: Sequence[Sample]) -> npt.NDArray[np.bool_]:
    """Return whether codec i has a significantly lower mean than codec j, (i, j).

    With fewer than two pictures no codec differs from another one.
    """
    better = np.zeros((len(costs), len(costs)), dtype=bool)
    if len(costs) < 2 or len(costs[0].pictures) < 2:
        return better
    pairs = list(combinations(range(len(costs)), 2))
    for (i, j), is_different in zip(pairs, holm(_p_values(costs, pairs)), strict=True):
        if is_different:
            is_first = costs[i].values.mean() < costs[j].values.mean()
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


def _p_values(costs: Sequence[Sample], pairs: Sequence[tuple[int, int]]) -> list[float]:
    resamples = max(_RESAMPLES, _PER_PAIR * len(pairs))
    means = [resampled_means(one, resamples, stream=index) for index, one in enumerate(costs)]
    return [_p_value(means[i] - means[j]) for i, j in pairs]


def _p_value(differences: Values) -> float:
    """Return the two-sided p value of the hypothesis that a difference is zero."""
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())
    return min(1.0, 2 * (1 + float(rarer)) / (1 + len(differences)))
