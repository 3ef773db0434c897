"""How many pictures would tell two codecs apart.

For the logarithms d of the ratios of two costs, one for each picture, with mean m and standard
deviation s, a two-sided t-test at level 5 % finds the difference with a probability of 80 % from
about

    ((1.96 + 0.84) s / m)^2 + 1.96^2 / 2

pictures on (Guenther, Sample size formulas for normal theory t tests, 1981). s^2 is the variance of
`leaderboard.ranking.significance`, which contains that of the starts. The figure takes the measured
m for the true one, and does not correct for the number of pairs, so it is a rough guide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from leaderboard.aggregate.bootstrap import Sample
from leaderboard.ranking.significance import variance_of_difference

_LEVEL, _POWER = 1.96, 0.84
"""Quantiles of the normal distribution at 97.5 % and at 80 %."""


@dataclass(frozen=True)
class ClosestPair:
    """The two neighbours of a list whose difference is the least certain.

    Attributes:
        names: the one with the lower mean first.
        difference: the larger geometric mean over the smaller one, less 1.
        pictures: number of pictures that would tell them apart; infinite if they are equal.
    """

    names: tuple[str, str]
    difference: float
    pictures: float


def closest_pair(costs: Mapping[str, Sample]) -> ClosestPair | None:
    """Return the two neighbours in the order of the means that need the most pictures.

    Args:
        costs: the cost of each codec on the same pictures in the same order, positive; lower is
            better.

    Returns:
        None for fewer than two codecs or two pictures.
    """
    ordered = sorted(costs, key=lambda name: costs[name].values.mean())
    pairs = [_pair(costs, pair) for pair in pairwise(ordered)]
    known = [pair for pair in pairs if pair is not None]
    return max(known, key=lambda pair: pair.pictures, default=None)


def _pair(costs: Mapping[str, Sample], names: Sequence[str]) -> ClosestPair | None:
    first, second = (costs[name] for name in names)
    if len(first.pictures) < 2:
        return None
    one, other = first.logarithms, second.logarithms
    mean = float((other.values - one.values).mean())
    spread = math.sqrt(variance_of_difference(one, other))
    pictures = math.inf
    if mean != 0:
        needed = ((_LEVEL + _POWER) * spread / mean) ** 2 + _LEVEL**2 / 2
        pictures = math.ceil(needed) if math.isfinite(needed) else needed
    return ClosestPair((names[0], names[1]), math.expm1(abs(mean)), pictures)
