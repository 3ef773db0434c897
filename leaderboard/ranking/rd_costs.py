"""What the pictures cost a family at its cheapest operating point, unattacked and attacked.

J = bpp + lambda 255^2 MSE, against the source picture; attacked: the dearest attack of each picture
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from bench.metrics.scores import rd_cost
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import TAILS, Values, resampled_means
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.worst_case import by_picture

LAMBDAS = (0.0035, 0.013, 0.0483)
"""Weights of the error at low, middle and high rates: CompressAI's second, fourth and sixth."""


@dataclass(frozen=True)
class Costs:
    """What each picture costs a family at one operating point.

    Attributes:
        member: the operating point that costs least without an attack.
        clean: J without an attack, by picture.
        attacked: J under the dearest attack, by picture; only of pictures that have a clean J.
        luma: as attacked, the error being that of the luma.
    """

    member: FamilyMember
    clean: Mapping[str, float]
    attacked: Mapping[str, float]
    luma: Mapping[str, float]


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same pictures.

    Attributes:
        value: of the means.
        interval: 95 % bootstrap, paired over the pictures; None for a single picture.
    """

    value: float
    interval: tuple[float, float] | None


def costs(family: Family, kinds: Sequence[str], lmbda: float) -> Costs | None:
    """Return what a family costs, or None if no picture came through it.

    Args:
        family: at one budget.
        kinds: of attacked pictures that count.
        lmbda: weight of 255^2 MSE.
    """
    member = _cheapest(family, lmbda)
    if member is None:
        return None
    groups = by_picture(member.case.of(*kinds))
    attacked = {name: groups[name] for name in member.case.clean if name in groups}

    def dearest(cost: Callable[[Scores], float]) -> dict[str, float]:
        return {name: max(cost(one.scores) for one in group) for name, group in attacked.items()}

    return Costs(
        member=member,
        clean=_clean(member, lmbda),
        attacked=dearest(lambda scores: rd_cost(scores.bpp, scores.mse_source, lmbda)),
        luma=dearest(lambda scores: rd_cost(scores.bpp, scores.luma_mse_source, lmbda)),
    )


def baseline_of(found: Iterable[Family]) -> Family | None:
    """Return what stands for VVC: of its families the cheapest unattacked at the middle lambda."""
    known = ((family, costs(family, (), LAMBDAS[1])) for family in found if family.is_baseline)
    cheapest = {family.name: (fmean(cost.clean.values()), family) for family, cost in known if cost}
    return min(cheapest.values(), key=lambda pair: pair[0])[1] if cheapest else None


def ratio(costs: Mapping[str, float], others: Mapping[str, float]) -> Ratio | None:
    """Return the ratio of two mean costs over the pictures that both have."""
    first, second = paired(costs, others)
    if not len(first):
        return None
    value = float(first.mean() / second.mean())
    if len(first) < 2:
        return Ratio(value, None)
    low, high = np.percentile(resampled_means(first) / resampled_means(second), TAILS)
    return Ratio(value, (float(low), float(high)))


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> tuple[Values, Values]:
    """Return the values of the pictures that both have, in one order."""
    names = sorted(first.keys() & second.keys())
    ours, theirs = ([values[name] for name in names] for values in (first, second))
    return np.array(ours, dtype=np.float64), np.array(theirs, dtype=np.float64)


def _cheapest(family: Family, lmbda: float) -> FamilyMember | None:
    """Return the member of the lowest mean clean cost, over the pictures that all members have."""
    able = [(member, _clean(member, lmbda)) for member in family.members if member.case.clean]
    if not able:
        return None
    shared = set.intersection(*(set(clean) for _, clean in able))

    def mean(pair: tuple[FamilyMember, dict[str, float]]) -> float:
        return fmean(pair[1][name] for name in shared or pair[1])

    return min(able, key=mean)[0]


def _clean(member: FamilyMember, lmbda: float) -> dict[str, float]:
    return {
        name: rd_cost(scores.bpp_clean, scores.mse_clean, lmbda)
        for name, scores in member.case.clean.items()
    }
